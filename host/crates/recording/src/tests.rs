use super::line::{Line, Lines, Next, Writer};
use super::series::{Rebuilt, SeriesTracker};
use super::*;
use operator_data::series::SeriesLimits;
use operator_data::{Sample, SeriesKey, SeriesStore};
use std::path::{Path, PathBuf};

fn end(reason: &str) -> Line {
    Line::End(End {
        reason: reason.to_owned(),
        journal: Vec::new(),
    })
}

/// A file with lines that were flushed one by one.
fn written(lines: usize, finished: bool) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("r.zst");
    let mut writer = Writer::create(&path).unwrap();
    for line in 0..lines {
        writer
            .put(&end(&format!("line {line} {}", "x".repeat(300))))
            .unwrap();
        writer.flush().unwrap();
    }
    if finished {
        writer.finish().unwrap();
    }
    (directory, path)
}

fn read_all(path: &Path) -> (usize, Result<bool, RecordingError>) {
    let mut lines = Lines::open(path).unwrap();
    let mut count = 0;
    loop {
        match lines.next() {
            Ok(Next::Line(_)) => count += 1,
            Ok(Next::End { whole }) => return (count, Ok(whole)),
            Err(error) => return (count, Err(error)),
        }
    }
}

#[test]
fn lines_come_back_whole_and_the_end_is_known() {
    let (_directory, path) = written(20, true);
    let (count, end) = read_all(&path);
    assert_eq!((count, end.unwrap()), (20, true));
}

#[test]
fn what_a_crash_leaves_is_readable_up_to_the_last_flush() {
    let (_directory, path) = written(20, false);
    let (count, end) = read_all(&path);
    assert_eq!((count, end.unwrap()), (20, false));
}

#[test]
fn a_file_that_is_cut_anywhere_is_a_prefix_and_no_damage() {
    let (_directory, path) = written(20, true);
    let whole = std::fs::read(&path).unwrap();
    let mut counts = Vec::new();
    for cut in (20..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (count, end) = read_all(&path);
        assert!(!end.unwrap(), "cut at {cut}");
        counts.push(count);
    }
    assert!(
        counts.is_sorted() && counts.contains(&0) && counts.contains(&19),
        "{counts:?}"
    );
}

#[test]
fn a_changed_byte_is_found_and_its_place_named() {
    let (_directory, path) = written(20, true);
    let whole = std::fs::read(&path).unwrap();
    for changed in (30..whole.len() - 8).step_by(11) {
        let mut bytes = whole.clone();
        bytes[changed] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        match read_all(&path).1 {
            Err(error @ RecordingError::Damaged { .. }) => {
                assert!(error.to_string().contains("line "), "{error}")
            }
            // A changed length can make the rest look as if it were still to come.
            Ok(false) => {}
            other => panic!("byte {changed}: {other:?}"),
        }
    }
}

#[test]
fn an_existing_file_is_never_written_over_and_something_else_is_no_recording() {
    let (_directory, path) = written(1, true);
    assert_eq!(
        Writer::create(&path).err().unwrap().kind(),
        std::io::ErrorKind::AlreadyExists
    );
    assert!(matches!(
        Recording::open(&path),
        Err(RecordingError::NotARecording { .. })
    ));
    std::fs::write(&path, "hello").unwrap();
    assert!(matches!(
        Recording::open(&path),
        Err(RecordingError::NotARecording { .. })
    ));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(
        Recording::open(&path),
        Err(RecordingError::NotARecording { .. })
    ));
}

fn key(name: &str) -> SeriesKey {
    SeriesKey {
        metric: name.to_owned(),
        labels: vec![("node".to_owned(), "4".to_owned())],
    }
}

fn contents(store: &SeriesStore) -> Vec<(SeriesKey, Vec<Sample>)> {
    store
        .all()
        .map(|(key, series)| (key.clone(), series.iter().collect()))
        .collect()
}

#[test]
fn series_are_put_together_from_their_changes_exactly() {
    let limits = SeriesLimits {
        samples_per_series_max: 5,
        unseen_ms_max: 4_000,
        ..SeriesLimits::default()
    };
    let (mut followed, mut rebuilt, mut store) = (
        SeriesTracker::default(),
        Rebuilt::new(5),
        SeriesStore::default(),
    );
    let strange = [
        0.1 + 0.2,
        -0.0,
        f64::INFINITY,
        1e300,
        f64::MIN_POSITIVE,
        3.0,
    ];
    // One that stops, one that ages out and comes back, a clock that goes back once.
    for tick in 0..40_u64 {
        let at = if tick == 20 { 7 } else { tick * 1_000 + 500 };
        let mut samples = vec![(key("always"), strange[(tick % 6) as usize])];
        if !(9..=30).contains(&tick) {
            samples.push((key("sometimes"), tick as f64));
        }
        store.ingest(Timestamp(at), &[], samples, &limits);
        let line = followed.changes(&store, 5);
        let line = serde_json::from_str(&serde_json::to_string(&line).unwrap()).unwrap();
        assert_eq!(
            contents(&rebuilt.apply(line).unwrap()),
            contents(&store),
            "tick {tick}"
        );
    }
}
