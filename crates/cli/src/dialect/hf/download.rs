//! `hf download`: its flags in our words.

use std::ffi::OsString;

use clap::ArgMatches;
use hfast::{Error, ErrorKind};

use super::flags::DownloadArgs;
use crate::address::may_be_pattern;
use crate::commands::download;
use crate::dialect::words::Voice;
use crate::dialect::{own, said, speech};
use crate::flags::{ChoiceFlags, DownloadFlags, FurtherFlags};
use crate::output::print_line;
use crate::start;

pub(super) fn run(flags: DownloadArgs, matches: &ArgMatches, words: &[OsString]) -> u8 {
    let form = flags.form.clone();
    let flags = match translated(flags, matches) {
        Ok(flags) => flags,
        Err(error) => {
            said::error(&speech(Voice::Hf(form.mode())), &error)
                .unwrap_or_default()
                .iter()
                .for_each(|line| print_line(line));
            return 1;
        }
    };
    start(
        form.asked(download::asked(&flags)),
        words,
        async |session| download::run(&flags, session).await,
    )
}

/// The flags in our words.
fn translated(mut flags: DownloadArgs, matches: &ArgMatches) -> Result<DownloadFlags, Error> {
    let (include, exclude) = patterns_of_old(&flags, matches);
    let pick = |numbers: &[usize]| {
        let picked = numbers.iter().filter_map(|at| flags.filenames.get(*at));
        picked.cloned().collect::<Vec<_>>()
    };
    let (included, excluded) = (pick(&include), pick(&exclude));
    flags.include.extend(included);
    flags.exclude.extend(excluded);
    let names = flags.filenames.iter().enumerate();
    let names = names.filter(|(at, _)| !include.contains(at) && !exclude.contains(at));
    let files: Vec<_> = names.map(|(_, name)| name.clone()).collect();
    let has_patterns = !flags.include.is_empty() || !flags.exclude.is_empty();
    if has_patterns && let Some(folder) = files.iter().find(|name| name.ends_with('/')) {
        let text = format!("the folder {folder:?} cannot be combined with --include or --exclude");
        return Err(Error::new(ErrorKind::Usage, text)
            .with_hint(format!("write it as a pattern: --include '{folder}**'")));
    }
    if has_patterns && !files.is_empty() {
        print_line("Warning: --include and --exclude are ignored, since file names are given");
        flags.include.clear();
        flags.exclude.clear();
    }
    Ok(DownloadFlags {
        repo: flags.repo_id,
        files,
        choice: ChoiceFlags {
            repo_type: flags.repo_type,
            revision: flags.revision,
            include: flags.include,
            exclude: flags.exclude,
        },
        cache_dir: flags.cache_dir,
        local_dir: flags.local_dir,
        force_download: flags.force_download,
        dry_run: flags.dry_run,
        further: FurtherFlags::default(),
        max_workers: flags.max_workers,
        resume_download: flags.resume_download,
        local_dir_use_symlinks: flags.local_dir_use_symlinks,
        network: own::network(flags.token),
        output: flags.form.output(),
    })
}

/// The numbers of the file names that scripts for 0.36 meant as patterns, for --include and for --exclude: there one
/// flag took several, `--include '*.json' '*.txt'`. They come right behind the pattern of a flag, and the
/// repository was named before.
fn patterns_of_old(flags: &DownloadArgs, matches: &ArgMatches) -> (Vec<usize>, Vec<usize>) {
    let at = |id: &str| {
        matches
            .indices_of(id)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    };
    let repo = at("repo_id").first().copied().unwrap_or(usize::MAX);
    let (include, exclude) = (at("include"), at("exclude"));
    let mut found = (Vec::new(), Vec::new());
    let (mut includes, mut excludes) = (include, exclude);
    for (number, at) in at("filenames")
        .into_iter()
        .enumerate()
        .take(flags.filenames.len())
    {
        let before = at.wrapping_sub(1);
        let name = flags.filenames.get(number).map(String::as_str);
        if before < repo || !name.is_some_and(may_be_pattern) {
            continue;
        }
        if includes.contains(&before) {
            includes.push(at);
            found.0.push(number);
        } else if excludes.contains(&before) {
            excludes.push(at);
            found.1.push(number);
        }
    }
    found
}
