use super::*;
use crate::Project;
use std::collections::BTreeSet;

const BOTH: [Kind; 2] = [Kind::Check, Kind::Subject];

fn created(language: Language, kind: Kind) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let files = create(folder.path(), "my-own", language, kind).unwrap();
    (folder, files)
}

#[test]
fn every_template_is_a_project_that_points_to_nothing_outside_of_itself() {
    for (language, kind) in Language::ALL
        .into_iter()
        .flat_map(|language| BOTH.map(|kind| (language, kind)))
    {
        if example(language, kind).is_none() {
            continue;
        }
        let (folder, files) = created(language, kind);
        let project = Project::open(folder.path()).unwrap();
        assert_eq!(
            (project.name.as_str(), project.language, project.kind),
            ("my-own", language, kind)
        );
        assert!(
            project
                .sdk()
                .starts_with(folder.path().canonicalize().unwrap())
        );
        for file in files
            .iter()
            .filter(|file| !file.starts_with(folder.path().join("wit")))
        {
            let text = std::fs::read_to_string(file).unwrap();
            assert!(
                !text.contains("\"../") && !text.contains("=> ../"),
                "{} points outside",
                file.display()
            );
            assert!(
                !text.contains("\"headroom\""),
                "{} has the example's name",
                file.display()
            );
        }
    }
}

#[test]
fn a_template_carries_every_file_of_its_sdk() {
    let sdks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit/sdk");
    for language in Language::ALL {
        let (folder, files) = created(language, Kind::Check);
        let written: BTreeSet<PathBuf> = files
            .iter()
            .map(|file| file.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        for source in sources(&sdks.join(language.name())) {
            let place = Path::new("wit/sdk").join(source.strip_prefix(&sdks).unwrap());
            assert!(
                written.contains(&place),
                "{} is in no template",
                place.display()
            );
        }
    }
}

/// What an author needs: not the examples, not what tools left behind, not the pages.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let skipped = [
        "examples",
        "target",
        "node_modules",
        "__pycache__",
        ".venv",
        "Cargo.lock",
        "package-lock.json",
        "README.md",
    ];
    let entries = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let wanted =
        entries.filter(|path| !skipped.contains(&path.file_name().unwrap().to_str().unwrap()));
    wanted
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn what_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str, language, kind| {
        format!(
            "{:#}",
            create(folder.path(), name, language, kind).unwrap_err()
        )
    };
    assert!(error("My Check", Language::Rust, Kind::Check).contains("My Check"));
    assert!(error("9-lives", Language::Rust, Kind::Check).contains("letter"));
    assert!(error("mine", Language::C, Kind::Subject).contains("no template"));
    std::fs::write(folder.path().join("already"), "").unwrap();
    assert!(error("mine", Language::Rust, Kind::Check).contains("already"));
}
