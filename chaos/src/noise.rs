//! Noise profiles: how unquiet a cluster is to which nothing happens. One TOML file each in `chaos/noise`, built into
//! the program.

use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// What varies in a simulated cluster without a cause that anybody should look for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Stable name, also of the file.
    pub id: String,
    /// One line for a list.
    pub title: String,
    /// Load and latency of each second vary by this share to either side.
    pub jitter: f64,
    /// Share of the looks at metrics that get no answer in time.
    #[serde(default)]
    pub missing_scrapes: f64,
    /// A wave in the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// Short times of more load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bursts: Option<Bursts>,
}

/// Load rises and falls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// By this share to either side.
    pub swing: f64,
    /// From peak to peak.
    pub period_s: u64,
}

/// Load jumps and falls back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bursts {
    /// To so many times as much.
    pub factor: f64,
    /// From the end of one to the beginning of the next, on average; chance picks from half of it to one and a half.
    pub every_s: u64,
    /// For so long.
    pub for_s: u64,
}

/// Something is wrong with noise profiles. All of it, not only the first thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} problems in noise profiles:\n{}", problems.len(), problems.join("\n"))]
pub struct NoiseError {
    /// One line each, beginning with the profile.
    pub problems: Vec<String>,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../noise/", $name, ".toml")))),*]
    };
}

/// Name and text of each profile, by name.
const FILES: [(&str, &str); 5] = files!["bursty", "diurnal", "quiet", "rough", "usual"];

/// Every profile that is built in, by name.
///
/// A test loads them, so that a program that was tested has no error here.
#[must_use]
pub fn all() -> &'static [Noise] {
    static PROFILES: OnceLock<Vec<Noise>> = OnceLock::new();
    PROFILES.get_or_init(|| load(&FILES).unwrap_or_default())
}

/// The profile of this name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Noise> {
    all().iter().find(|noise| noise.id == id)
}

/// Reads profiles from name and text.
///
/// # Errors
/// Every problem of every profile.
pub fn load(files: &[(&str, &str)]) -> Result<Vec<Noise>, NoiseError> {
    let (mut profiles, mut problems) = (Vec::new(), Vec::new());
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
        // More than half, and a second without load or an endless one would be noise.
        must(
            (0.0..=0.5).contains(&self.jitter),
            "jitter is a share from 0 to 0.5".to_owned(),
        );
        must(
            (0.0..=0.5).contains(&self.missing_scrapes),
            "missing_scrapes is a share from 0 to 0.5".to_owned(),
        );
        if let Some(Day { swing, period_s }) = self.day {
            must(
                (0.0..1.0).contains(&swing),
                "day.swing is a share from 0, below 1".to_owned(),
            );
            must(
                period_s >= 60,
                "day.period_s is a minute at least".to_owned(),
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
                "bursts.factor is more than nothing".to_owned(),
            );
            must(
                every_s >= 2 && for_s >= 1,
                "bursts need time: every_s from 2 on, for_s from 1 on".to_owned(),
            );
        }
        found
    }
}

impl Default for Noise {
    /// `usual`, as its file says it.
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
    use std::collections::BTreeSet;

    #[test]
    fn the_profiles_that_are_built_in_are_in_order_and_are_those_in_the_folder() {
        let profiles = load(&FILES).unwrap_or_else(|error| panic!("{error}"));
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("noise");
        let stem = |entry: std::fs::DirEntry| {
            entry
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        };
        let in_folder: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| stem(entry.unwrap()))
            .collect();
        assert_eq!(
            in_folder,
            profiles.iter().map(|noise| noise.id.clone()).collect()
        );
        assert_eq!(by_id("usual"), Some(&Noise::default()));
    }

    #[test]
    fn all_problems_are_told_at_once_and_what_nobody_knows_is_refused() {
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
