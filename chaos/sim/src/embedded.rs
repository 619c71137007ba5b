//! TOML files that are built into the program.

use include_dir::Dir;

/// Name without extension and text of each TOML file, in the order of the names.
pub(crate) fn toml_files(folder: &'static Dir<'static>) -> Vec<(&'static str, &'static str)> {
    let named = folder.files().filter_map(|file| {
        let name = file.path().to_str()?.strip_suffix(".toml")?;
        Some((name, file.contents_utf8()?))
    });
    let mut files: Vec<_> = named.collect();
    files.sort_unstable();
    files
}
