//! The house against its rules.

use thalweg_tidy::tree::{self, File};
use thalweg_tidy::{Complaint, attacks, manifest, rust};

/// Folders of code that has no clock, no socket, no thread and no chance of its own.
const PURE: &[&str] = &[
    "sfu/wire/src",
    "sfu/door/src",
    "sfu/congestion/src",
    "sfu/peer/src",
    "sfu/forward/src",
    "sfu/shard/src",
    "ingress/rtmp/src",
    "ingress/publish/src",
    "signaling/room/src",
    "signaling/sdp/src",
    "signaling/livekit/src/world",
    "ingress/transcode/src/audio",
    "ingress/transcode/src/video",
];

fn files() -> Vec<File> {
    tree::files(&tree::root()).expect("the repository can be read")
}

fn manifest_of(files: &[File], folder: &str) -> String {
    let path = if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
    files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is there")).text.clone()
}

fn nothing_to_say(complaints: &[Complaint]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn crates_use_only_what_they_may() {
    let files = files();
    let root = manifest_of(&files, "");
    let folders = manifest::folders(&root);
    assert!(folders.contains(&"sfu/wire"), "members are found");
    let complaints: Vec<_> =
        folders.iter().flat_map(|folder| manifest::check_edges(folder, &manifest_of(&files, folder))).collect();
    nothing_to_say(&complaints);
}

#[test]
fn members_have_captions() {
    nothing_to_say(&manifest::check_captions(&manifest_of(&files(), "")));
}

#[test]
fn sources_keep_the_rules() {
    let files = files();
    let sources: Vec<_> = files.iter().filter(|file| file.path.ends_with(".rs")).collect();
    assert!(sources.len() > 20, "sources are found");
    let complaints: Vec<_> = sources.iter().flat_map(|file| rust::check(&file.path, &file.text)).collect();
    nothing_to_say(&complaints);
}

#[test]
fn pure_cores_reach_for_nothing() {
    let files = files();
    for folder in PURE {
        assert!(files.iter().any(|file| file.path.starts_with(folder)), "{folder} is there");
    }
    let pure = files.iter().filter(|file| PURE.iter().any(|folder| file.path.starts_with(folder)));
    let complaints: Vec<_> = pure.flat_map(|file| rust::check_pure(&file.path, &file.text)).collect();
    nothing_to_say(&complaints);
}

#[test]
fn no_path_of_one_machine() {
    // Put together here, so that this file does not name one itself.
    let homes = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let mut complaints = Vec::new();
    for file in files() {
        for (number, line) in (1..).zip(file.text.lines()) {
            let absolute = |home: &String| {
                let before = |at: usize| line[..at].chars().next_back();
                let mut found = line.match_indices(home.as_str());
                found.any(|(at, _)| before(at).is_none_or(|c| !c.is_alphanumeric() && !"._-/})>$~*".contains(c)))
            };
            if homes.iter().any(absolute) {
                complaints.push(format!("{}:{number}: names a path of one machine: {}", file.path, line.trim()));
            }
        }
    }
    nothing_to_say(&complaints);
}

#[test]
fn attacks_name_tests_that_exist() {
    let files = files();
    let page = files.iter().find(|file| file.path == attacks::PAGE).expect("the page is there");
    nothing_to_say(&attacks::check(&page.text, &files));
}
