use super::*;
use serde_json::json;

fn open(directory: &Path) -> Result<Opened, ScanError> {
    Journal::open(&DataDir::open(directory).unwrap(), &mut |_| Ok(()))
}

/// A log with `records` records; returns its bytes.
fn written(directory: &Path, records: u64) -> Vec<u8> {
    let mut journal = open(directory).unwrap().journal;
    for number in 0..records {
        let body = json!({"tick": number, "text": "quote \" newline \n nul \u{0} umlaut ü"});
        journal
            .append(Kind::Decision, Timestamp(1_700_000_000_000 + number), &body)
            .unwrap();
    }
    journal.sync().unwrap();
    std::fs::read(directory.join(FILE_NAME)).unwrap()
}

fn damage_of(bytes: &[u8]) -> Damage {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    std::fs::write(&path, bytes).unwrap();
    match verify(&path) {
        Err(ScanError::Damage(damage)) => *damage,
        other => panic!("damage was not found: {other:?}"),
    }
}

#[test]
fn records_form_a_chain_that_anyone_can_recompute() {
    let directory = tempfile::tempdir().unwrap();
    let text = String::from_utf8(written(directory.path(), 3)).unwrap();
    let mut prev = NO_HASH.to_owned();
    for (index, line) in text.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["seq"], index as u64 + 1);
        assert_eq!(value["prev"], prev.as_str());
        prev = value["hash"].as_str().unwrap().to_owned();
        let without_hash = line.replace(&format!(",\"hash\":\"{prev}\""), "");
        assert_eq!(
            hex::encode(<sha2::Sha256 as sha2::Digest>::digest(without_hash)),
            prev
        );
    }
    assert_eq!(
        verify(&directory.path().join(FILE_NAME)).unwrap().last_hash,
        prev
    );
}

#[test]
fn every_changed_byte_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = written(directory.path(), 3);
    let line_ends: Vec<usize> = bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .map(|(i, _)| i)
        .collect();
    for index in 0..bytes.len() {
        for change in [1_u8, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[index] ^= change;
            let damage = damage_of(&changed);
            let line = line_ends.iter().filter(|end| **end < index).count() as u64 + 1;
            assert_eq!(
                (damage.line, damage.seq),
                (line, line),
                "byte {index} ^ {change:#x}: {damage}"
            );
        }
    }
}

#[test]
fn the_changed_field_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let text = String::from_utf8(written(directory.path(), 3)).unwrap();
    let second_line = text.find('\n').unwrap() + 1;
    let check = |from: &str, to: &str, field: Field| {
        let (before, rest) = text.split_at(second_line);
        let (kept, tail) = rest.split_once(from).unwrap();
        let at = second_line + kept.len();
        let changed = format!("{before}{kept}{to}{tail}");
        let damage = damage_of(changed.as_bytes());
        assert_eq!(
            (damage.field, damage.seq, damage.line),
            (field, 2, 2),
            "{from} -> {to}: {damage}"
        );
        assert!(
            damage.byte_offset >= second_line as u64 && damage.byte_offset <= at as u64 + 70,
            "{damage}"
        );
    };
    check("\"tick\":1", "\"tick\":7", Field::Body);
    check("\"seq\":2", "\"seq\":3", Field::Seq);
    check("decision", "decisioN", Field::Kind);
    let first_hash = serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap())
        .unwrap()["hash"]
        .to_string();
    check(&first_hash, &format!("\"{NO_HASH}\""), Field::Prev);
    let second_hash = serde_json::from_str::<serde_json::Value>(text.lines().nth(1).unwrap())
        .unwrap()["hash"]
        .to_string();
    check(&second_hash, &format!("\"{NO_HASH}\""), Field::Hash);
}

#[test]
fn a_removed_record_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let text = String::from_utf8(written(directory.path(), 3)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let damage = damage_of(format!("{}\n{}\n", lines[0], lines[2]).as_bytes());
    assert_eq!((damage.seq, damage.line, damage.field), (2, 2, Field::Seq));
}

#[test]
fn a_log_cut_at_any_byte_opens_with_every_whole_record_and_goes_on() {
    let source = tempfile::tempdir().unwrap();
    let bytes = written(source.path(), 3);
    for length in 0..=bytes.len() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE_NAME), &bytes[..length]).unwrap();
        let whole = bytes[..length].iter().filter(|b| **b == b'\n').count() as u64;
        let only_the_line_feed_is_missing = bytes.get(length) == Some(&b'\n');
        let expected = whole + u64::from(only_the_line_feed_is_missing);

        let Opened {
            mut journal,
            scanned,
            warnings,
        } = open(directory.path()).unwrap();
        assert_eq!(scanned.last_seq, expected, "cut at {length}");
        let torn = directory.path().join("journal.torn-1");
        let rest = length - usize::try_from(scanned.good_bytes).unwrap();
        assert_eq!(torn.exists(), rest > 0, "cut at {length}");
        assert_eq!(warnings.len(), usize::from(rest > 0));
        if rest > 0 {
            assert_eq!(std::fs::read(torn).unwrap(), &bytes[length - rest..length]);
        }
        journal
            .append(Kind::Stopped, Timestamp(0), &json!({}))
            .unwrap();
        journal.sync().unwrap();
        assert_eq!(
            verify(journal.path()).unwrap().records,
            expected + 1,
            "cut at {length}"
        );
    }
}

#[test]
fn blocks_that_were_never_written_are_an_unfinished_end_but_not_in_the_middle() {
    let source = tempfile::tempdir().unwrap();
    let bytes = written(source.path(), 3);
    let second_line = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;

    let mut tail_lost = bytes.clone();
    tail_lost[second_line + 10..].fill(0);
    tail_lost.push(b'\n');
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE_NAME), &tail_lost).unwrap();
    assert_eq!(open(directory.path()).unwrap().scanned.last_seq, 1);

    let mut middle_lost = bytes;
    middle_lost[second_line + 10..second_line + 20].fill(0);
    assert_eq!(damage_of(&middle_lost).seq, 2);
}

#[test]
fn damage_in_the_middle_is_refused_and_nothing_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = written(directory.path(), 3);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(directory.path().join(FILE_NAME), &bytes).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(
        matches!(&error, ScanError::Damage(damage) if damage.seq == 2),
        "{error}"
    );
    assert_eq!(
        std::fs::read(directory.path().join(FILE_NAME)).unwrap(),
        bytes
    );
}

#[test]
fn a_second_operator_is_turned_away_with_the_first_one_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on/demand");
    let first = DataDir::open(&path).unwrap();
    assert!(DataDir::is_held(&path));
    let error = DataDir::open(&path).unwrap_err();
    assert!(
        matches!(error, DataDirError::Busy { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    drop(first);
    assert!(!DataDir::is_held(&path));
    DataDir::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_a_new_data_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    DataDir::open(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn a_record_that_no_reader_would_accept_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = open(directory.path()).unwrap().journal;
    let error = journal
        .append(Kind::Decision, Timestamp(0), &"x".repeat(RECORD_BYTES_MAX))
        .unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { .. }), "{error}");
    assert_eq!(journal.last_seq(), 0);
}
