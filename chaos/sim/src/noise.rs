//! Noise profiles: how much a healthy cluster varies. One TOML file each in `chaos/sim/noise`, built into the program.

use crate::embedded::toml_files;
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Variation of a simulated cluster that has no cause worth diagnosing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Stable name; the file has the same.
    pub id: String,
    /// One line for lists.
    pub title: String,
    /// Load and latency of each second vary by up to this share, in both directions.
    pub jitter: f64,
    /// Share of the scrapes that get no response in time.
    #[serde(default)]
    pub missing_scrapes: f64,
    /// A periodic wave in the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// Short bursts of load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bursts: Option<Bursts>,
}

/// Load rises and falls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// Amplitude, as a share of the mean.
    pub swing: f64,
    /// Time from peak to peak.
    pub period_s: u64,
}

/// Load jumps and falls back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// The load is multiplied by this.
    pub factor: f64,
    /// Average time from the end of one burst to the start of the next; chance picks between 0.5 and 1.5 times this.
    pub every_s: u64,
    /// Length of a burst.
    pub for_s: u64,
}

/// Every problem of a set of noise profiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} problems in noise profiles:\n{}", problems.len(), problems.join("\n"))]
pub struct NoiseError {
    /// One line each, starting with the name of the profile.
    pub problems: Vec<String>,
}

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/noise");

/// Every built-in profile, by name.
///
/// A test loads the files, so a tested program has no error here.
#[must_use]
pub fn all() -> &'static [Noise] {
    static PROFILES: OnceLock<Vec<Noise>> = OnceLock::new();
    PROFILES.get_or_init(|| load(&toml_files(&FILES)).unwrap_or_default())
}

/// The built-in profile of this name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Noise> {
    all().iter().find(|noise| noise.id == id)
}

/// Parses profiles from names and texts.
///
/// # Errors
/// Every problem of every profile.
pub fn load(files: &[(&str, &str)]) -> Result<Vec<Noise>, NoiseError> {
    let mut profiles = Vec::new();
    let mut problems = Vec::new();
    for (name, text) in files {
        match toml::from_str::<Noise>(text) {
            Ok(noise) => {
                problems.extend(
                    noise
                        .problems(name)
                        .into_iter()
                        .map(|problem| format!("{name}: {problem}")),
                );
                profiles.push(noise);
            }
            Err(error) => {
                problems.push(format!("{name}: {}", error.to_string().replace('\n', " ")))
            }
        }
    }
    profiles.sort_by(|left, right| left.id.cmp(&right.id));
    if problems.is_empty() {
        Ok(profiles)
    } else {
        Err(NoiseError { problems })
    }
}

impl Noise {
    fn problems(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut must = |holds: bool, text: String| {
            if !holds {
                found.push(text);
            }
        };
        must(
            self.id == name,
            format!("its id is {}, not the name of its file", self.id),
        );
        must(!self.title.trim().is_empty(), "it has no title".to_owned());
        // With more than half, a second without load or an endless one would be noise.
        must(
            (0.0..=0.5).contains(&self.jitter),
            "jitter must be a share between 0 and 0.5".to_owned(),
        );
        must(
            (0.0..=0.5).contains(&self.missing_scrapes),
            "missing_scrapes must be a share between 0 and 0.5".to_owned(),
        );
        if let Some(Day { swing, period_s }) = self.day {
            must(
                (0.0..1.0).contains(&swing),
                "day.swing must be a share of at least 0 and below 1".to_owned(),
            );
            must(
                period_s >= 60,
                "day.period_s must be at least 60".to_owned(),
            );
        }
        if let Some(Bursts {
            factor,
            every_s,
            for_s,
        }) = self.bursts
        {
            must(
                factor > 0.0 && factor.is_finite(),
                "bursts.factor must be greater than 0".to_owned(),
            );
            must(
                every_s >= 2 && for_s >= 1,
                "bursts.every_s must be at least 2, and bursts.for_s at least 1".to_owned(),
            );
        }
        found
    }
}

impl Default for Noise {
    /// The profile `usual`, as in its file.
    fn default() -> Self {
        let title = "Load and latency vary by a twentieth".to_owned();
        Self {
            id: "usual".to_owned(),
            title,
            jitter: 0.05,
            missing_scrapes: 0.0,
            day: None,
            bursts: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_consistent() {
        let files = toml_files(&FILES);
        let profiles = load(&files).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profiles.len(), files.len());
        assert_eq!(by_id("usual"), Some(&Noise::default()));
    }

    #[test]
    fn all_problems_are_reported_together_and_unknown_keys_are_rejected() {
        let wrong = "id = \"y\"\ntitle = \"t\"\njitter = 2.0\n[day]\nswing = 1.0\nperiod_s = 5\n";
        let unknown = "id = \"z\"\ntitle = \"t\"\njitter = 0.1\nloudness = 1\n";
        let error = load(&[("x", wrong), ("z", unknown)]).unwrap_err();
        assert_eq!(error.problems.len(), 5, "{error}");
        assert!(
            error.to_string().contains("z: ") && error.to_string().contains("loudness"),
            "{error}"
        );
    }
}
