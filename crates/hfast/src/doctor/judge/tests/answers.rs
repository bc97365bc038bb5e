//! What an endpoint answers, the bytes of files, and the disk.

use std::io;

use super::*;

#[test]
fn answers_are_judged() {
    let of = |status: u16, list: &'static [(&'static str, &str)], body: &'static str| {
        said(move |seen| {
            seen.answers.info = answered(INFO, status, list, body);
            seen.answers.piece = None;
        })
    };
    assert!(
        of(200, &[], "<!DOCTYPE html>")
            .starts_with("fault endpoint: huggingface.co answers with a web page")
    );
    assert!(of(403, &[], "<html>").contains("refuses with a web page (403)"));
    assert!(of(200, &[], "{}").contains("something that no Hub says"));
    assert!(of(502, &[], "").ends_with("it answers 502"));
    assert!(of(429, &[("retry-after", "60")], "").ends_with("after 60 s (Retry-After)"));
    assert!(of(404, &[("x-error-code", "RevisionNotFound")], "").starts_with("warning repository"));
    assert!(of(401, &[("x-error-code", "GatedRepo")], "").starts_with("fault repository"));
    let away = said(|seen| {
        let mut info = answered(INFO, 308, &[], "");
        let there = failed("https://hub.test/x", FailureKind::Connect, "refused");
        info.hops.extend(there.hops);
        info.end = there.end;
        seen.answers.info = info;
        seen.answers.piece = None;
    });
    assert!(away.starts_with("fault endpoint: it sends every question on to https://hub.test"));
}

#[test]
fn tokens_are_judged() {
    let with = |status: u16, list: &'static [(&'static str, &str)], body: &'static str| {
        let set = |examination: &mut Examination| {
            examination.token = Some(Token::new("hf_geheim").unwrap());
            examination.sources.token = Some("the file /t".to_owned());
        };
        said_with(set, move |seen| {
            let url = "https://huggingface.co/api/whoami-v2";
            seen.answers.whoami = Some(answered(url, status, list, body));
        })
    };
    assert_eq!(with(200, &[], "{\"name\":\"me\"}"), "all is well");
    assert_eq!(with(404, &[], ""), "all is well");
    let bad = &[(
        "x-error-message",
        "Invalid credentials in Authorization header",
    )];
    assert_eq!(
        with(401, bad, ""),
        "fault token: the file /t holds a token that is not accepted: mistyped, deleted or expired"
    );
    assert!(with(401, &[], "").starts_with("warning token"));
}

#[test]
fn bytes_are_judged() {
    let piece = |status: u16, range: &'static str, body: &'static str| {
        said(move |seen| {
            let piece = seen.answers.piece.as_mut().unwrap();
            let list = [("content-range", range), ("x-repo-commit", COMMIT)];
            piece.answered = answered("https://cdn.hf.co/x?Signature=geheim", status, &list, body);
        })
    };
    assert!(piece(206, "bytes 5-999/2000", "").contains("claims to send others"));
    assert!(piece(206, "bytes 0-999/1999", "").contains("claims to send others"));
    assert!(piece(206, "bytes 0-999/2000", "short").starts_with("fault data: it promised 1000"));
    assert!(piece(200, "", "whole").starts_with("warning data: it sends whole files"));
    assert!(piece(200, "", "<!doctype html>").contains("web page in place of model.bin"));
    assert!(piece(403, "", "").contains("(403)"));
    assert!(piece(429, "", "").contains("(429)"));
    assert!(piece(500, "", "").contains("answers 500"));
    let xet = said(|seen| {
        let reach = seen.answers.xet.as_mut().unwrap().reach.as_mut().unwrap();
        reach.lookup.outcome = Err(Miss::Silent);
    });
    assert!(xet.starts_with("warning xet: its name could not be resolved"));
}

fn tried(survey: &mut Survey) -> &mut Tried {
    survey.tried.as_mut().unwrap()
}

#[test]
fn disks_are_judged() {
    let said = |change: fn(&mut Survey)| {
        let mut survey = survey();
        change(&mut survey);
        let finding = cache::judge(&examination(), Some(&survey));
        format!("{}: {}", finding.verdict.name(), finding.seen)
    };
    assert_eq!(said(|_| {}), "ok: 107.3 GB free, writes 223.6 MB/s");
    assert!(said(|s| s.free = Some(9)).starts_with("fault: the disk is full: 9 bytes free"));
    assert!(said(|s| s.free = Some(1 << 30)).ends_with("; little room"));
    assert!(said(|s| tried(s).symlinks = false).ends_with("; no symbolic links"));
    assert!(said(|s| tried(s).locks = Locks::Lie).ends_with("; locks keep nobody out"));
    assert!(said(|s| tried(s).locks = Locks::Absent).ends_with("; no locks"));
    let slow = said(|s| tried(s).written = Ok((1 << 20, Duration::from_secs(1))));
    assert!(slow.ends_with("writes 1.0 MB/s; slow"), "{slow}");
    let full = |s: &mut Survey| tried(s).written = Err(io::ErrorKind::StorageFull.into());
    assert!(said(full).starts_with("fault: files can be made, but not written"));
    let read_only = |s: &mut Survey| s.tried = Err(io::ErrorKind::ReadOnlyFilesystem.into());
    assert!(said(read_only).starts_with("fault: nothing can be written in /cache"));
    assert_eq!(
        cache::judge(&examination(), None).seen,
        "the disk does not answer"
    );
}
