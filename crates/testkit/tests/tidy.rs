//! The house rules of the whole workspace, checked like anything else: headers, lengths, words,
//! names, and what files that call themselves pure may contain.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and has not got fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Files that may be longer than [`LONGEST`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];
const LONGEST: usize = 400;
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "common", "helpers", "misc"];
/// What a file does not contain that calls itself pure.
const IMPURE: [&str; 5] = [
    "async ",
    "tokio",
    "std::fs",
    "Instant::now",
    "SystemTime::now",
];

struct Source {
    name: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned();
    let mut found = Vec::new();
    for member in fs::read_dir(&crates).unwrap() {
        for folder in ["src", "tests", "benches", "examples"] {
            collect(&member.as_ref().unwrap().path().join(folder), &mut found);
        }
    }
    let relative = |path: &Path| path.strip_prefix(&crates).unwrap().display().to_string();
    let mut sources: Vec<Source> = found
        .iter()
        .map(|path| Source {
            name: relative(path).replace('\\', "/"),
            text: fs::read_to_string(path).unwrap(),
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(
        sources.len() > 20,
        "the walk found too little to be believed"
    );
    sources
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every rule is told of every breach at once: one run, one list to work off.
fn none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// The `//!` lines a file opens with.
fn header(source: &Source) -> Vec<&str> {
    source
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect()
}

/// The comment of a line, if it has one outside a URL.
fn comment(line: &str) -> Option<&str> {
    line.match_indices("//").map(|(at, _)| at).find_map(|at| {
        let in_url = line[..at].ends_with(':');
        (!in_url).then(|| &line[at..])
    })
}

#[test]
fn every_file_says_what_it_is_for() {
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|source| header(source).is_empty())
        .map(|source| format!("{} does not open with `//!`", source.name))
        .collect();
    none(&breaches);
}

#[test]
fn no_file_is_long() {
    let allowed = |name: &str| LONG_FILES.iter().any(|(long, _)| *long == name);
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|source| !allowed(&source.name))
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(source, lines)| format!("{} has {lines} lines, over {LONGEST}", source.name))
        .collect();
    none(&breaches);
}

#[test]
fn nothing_is_left_for_later() {
    // Spelled in halves, so that this file keeps its own rule.
    let words = [["to", "do"], ["fix", "me"], ["xx", "x"]].map(|halves| halves.concat());
    let mut breaches = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let text = comment(line).unwrap_or_default().to_lowercase();
            let mut said = text.split(|c: char| !c.is_alphanumeric());
            if said.any(|word| words.iter().any(|banned| banned == word)) {
                breaches.push(format!("{}:{} {}", source.name, number + 1, line.trim()));
            }
        }
    }
    none(&breaches);
}

#[test]
fn names_say_what_is_inside() {
    let empty = |name: &str| {
        let mut parts = name.trim_end_matches(".rs").split('/');
        parts.any(|part| EMPTY_NAMES.contains(&part))
    };
    let breaches: Vec<String> = sources()
        .into_iter()
        .map(|source| source.name)
        .filter(|name| empty(name))
        .collect();
    none(&breaches);
}

#[test]
fn pure_files_are_pure() {
    let mut breaches = Vec::new();
    for source in sources() {
        if !header(&source)
            .iter()
            .any(|line| line.contains("Pure:") || line.contains("Pure."))
        {
            continue;
        }
        // Tests may do what they like; they stand at the end of the file.
        let code = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let code = comment(line).map_or(line, |comment| line.trim_end_matches(comment));
            for banned in IMPURE.iter().filter(|banned| code.contains(**banned)) {
                breaches.push(format!(
                    "{}:{} contains `{banned}`",
                    source.name,
                    number + 1
                ));
            }
        }
    }
    none(&breaches);
}

#[test]
fn the_judge_knows_nothing_of_the_judged() {
    let library = ["hfast", "::"].concat();
    let breaches: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.name.starts_with("testkit/") && source.text.contains(&library))
        .map(|source| format!("{} mentions {library}", source.name))
        .collect();
    none(&breaches);
}
