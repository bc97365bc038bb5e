//! Files that have no digest and change at their source, on real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hfast_testkit::corpus::Content;
use support::fetch;
use support::raw::{Raw, Says, answer, honest, honest_with};

/// Larger than what is kept in memory.
const SIZE: u64 = (5 << 20) + 3;

fn bytes(seed: u64) -> Vec<u8> {
    Content::seeded(seed, SIZE).read(0..SIZE).to_vec()
}

const EARLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATE: &str = "Sun, 06 Nov 1994 08:49:47 GMT";

/// The state of a content before and after it changes, by every means that servers have.
const CHANGES: [[&[(&str, &str)]; 2]; 5] = [
    [&[("ETag", "\"old\"")], &[("ETag", "\"new\"")]],
    [&[("ETag", "W/\"old\"")], &[("ETag", "W/\"new\"")]],
    [&[("Last-Modified", EARLY)], &[("Last-Modified", LATE)]],
    [
        &[("Last-Modified", EARLY), ("Date", LATE)],
        &[("Last-Modified", LATE), ("Date", LATE)],
    ],
    [
        &[("ETag", "W/\"a\""), ("Last-Modified", EARLY)],
        &[("ETag", "W/\"a\""), ("Last-Modified", LATE)],
    ],
];

/// The first half of an answer.
fn cut(says: Says) -> Says {
    match says {
        Says::Once(whole) => Says::Once(whole[..whole.len() / 2].to_vec()),
        forever @ Says::Forever(_) => forever,
    }
}

/// Fetches a file whose first answer breaks, and which is another one from then on.
async fn fetch_what_changes(before: &'static [(&str, &str)], after: &'static [(&str, &str)]) {
    let (old, new) = (bytes(1), bytes(2));
    let expected = new.clone();
    let server = Raw::start(move |number, head| match number {
        0 => honest_with(head, &old, before),
        1 => cut(honest_with(head, &old, before)),
        _ => honest_with(head, &new, after),
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let report = fetch(&server.url(), None, &path).await.unwrap();
    let case = format!("{before:?} {after:?}");
    assert!(report.failed.is_empty(), "{case}: {:?}", report.failed);
    assert!(std::fs::read(&path).unwrap() == expected, "{case}");
    let others = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(others, 1, "{case}: nothing else is left");
}

#[tokio::test]
async fn a_file_that_changes_midway_is_begun_anew_and_never_a_mixture() {
    for [before, after] in CHANGES {
        fetch_what_changes(before, after).await;
    }
}

/// No two answers of it are of one state: all of the file has to come in one of them.
#[tokio::test]
async fn a_file_that_changes_all_the_time_comes_in_one_answer() {
    let server = Raw::start(move |number, head| {
        let etag = format!("\"{number}\"");
        honest(head, &bytes(u64::try_from(number).unwrap()), &etag)
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let got = std::fs::read(&path).unwrap();
    assert!((0..40).any(|number| got == bytes(number)));
}

/// A second server behind one name that tells the state by other means, or not at all.
#[tokio::test]
async fn an_answer_that_does_not_tell_the_state_again_is_not_mixed_in() {
    let later: [&[(&str, &str)]; 3] = [
        &[("Last-Modified", EARLY), ("Date", LATE)],
        &[],
        &[("ETag", "W/\"old\"")],
    ];
    for (before, later) in [&[("ETag", "\"old\"")], &[("ETag", "W/\"old\"")]]
        .into_iter()
        .flat_map(|before| later.map(|later| (before, later)))
        .filter(|(before, later)| before.as_slice() != *later)
    {
        fetch_what_changes(before, later).await;
    }
}

/// A server whose HEAD and GET have different tags, steadily: its file can be had, and resumed.
#[tokio::test]
async fn a_head_that_tells_another_tag_is_no_obstacle() {
    let content = bytes(1);
    let expected = content.clone();
    let server = Raw::start(move |number, head| {
        if head.starts_with("HEAD") {
            return honest(head, &content, "\"head\"");
        }
        let says = honest(head, &content, "\"get\"");
        if number < 6 { cut(says) } else { says }
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(std::fs::read(&path).unwrap() == expected);
}

/// What is told who gives another digest than that of the file, which then is not there.
async fn error_of_a_wrong_digest(server: &Raw) -> hfast::Error {
    let folder = tempfile::tempdir().unwrap();
    let wrong = hfast::Digest::from_hex(&"0".repeat(64));
    let path = folder.path().join("out.bin");
    let mut report = fetch(&server.url(), wrong, &path).await.unwrap();
    assert!(!path.exists());
    assert_eq!(report.failed.len(), 1, "{:?}", report.failed);
    report.failed.remove(0).1
}

/// Without a length all of it has to come again for each look, and a digest may just be mistyped.
#[tokio::test]
async fn a_wrong_digest_of_a_file_of_unknown_size_is_told_after_few_looks() {
    let server = Raw::start(move |_, head| {
        let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        if !head.starts_with("HEAD") {
            answer.extend(bytes(1));
        }
        Says::Once(answer)
    });
    let server = server.await;
    let error = error_of_a_wrong_digest(&server).await;
    assert_eq!(error.kind(), hfast::ErrorKind::Integrity, "{error}");
    assert!(server.asked() < 10, "{}", server.asked());
}

/// What came first was spoilt on the way: nobody can do anything with the digest of that.
#[tokio::test]
async fn a_wrong_digest_is_told_with_that_of_what_came_last() {
    let content = bytes(1);
    let server = Raw::start(
        move |number, head| match honest(head, &content, "\"tag\"") {
            Says::Once(mut answer) if number == 1 => {
                if let Some(last) = answer.last_mut() {
                    *last ^= 1;
                }
                Says::Once(answer)
            }
            says => says,
        },
    );
    let server = server.await;
    let error = error_of_a_wrong_digest(&server).await;
    let found = format!("found {}", Content::seeded(1, SIZE).sha256());
    assert!(error.to_string().ends_with(&found), "{error}");
}

/// No endpoint can be another one for a plain address.
#[tokio::test]
async fn nobody_is_sent_to_another_endpoint_for_a_plain_address() {
    let busy =
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 100000\r\nContent-Length: 0\r\n\r\n";
    let server = Raw::start(move |_, _| Says::Once(busy.to_vec())).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let error = match fetch(&server.url(), None, &path).await {
        Ok(mut report) => report.failed.remove(0).1,
        Err(error) => error,
    };
    let hint = error.hint().unwrap();
    assert!(!hint.contains("--endpoint"), "{error}: {hint}");
}

/// Neither ranges nor anything that tells its state: what one answer brought is no part of the next.
#[tokio::test]
async fn whole_answers_that_nothing_identifies_are_not_joined() {
    let (old, new) = (bytes(1), bytes(2));
    let expected = new.clone();
    let whole = |content: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            content.len()
        );
        [head.as_bytes(), content].concat()
    };
    let server = Raw::start(move |number, head| match number {
        _ if head.starts_with("HEAD") => Says::Once(whole(&old)[..64].to_vec()),
        1 => cut(Says::Once(whole(&old))),
        _ => Says::Once(whole(&new)),
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(std::fs::read(&path).unwrap() == expected);
}

/// It serves no ranges, but says that nothing has changed: a later run keeps what came, and begins once.
#[tokio::test]
async fn a_server_without_ranges_is_gone_on_with_by_a_later_run() {
    const STATE: [(&str, &str); 2] = [("Last-Modified", EARLY), ("Date", LATE)];
    let content = bytes(1);
    let expected = content.clone();
    let is_back = Arc::new(AtomicBool::new(false));
    let comes_back = Arc::clone(&is_back);
    let server = Raw::start(move |number, head| {
        let method = head.split(' ').next().unwrap();
        match number {
            1 => cut(honest_with(method, &content, &STATE)),
            2.. if !is_back.load(Relaxed) => answer("404 Not Found", &[], b""),
            _ => honest_with(method, &content, &STATE),
        }
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert_eq!(report.failed.len(), 1);
    let before = server.asked();
    comes_back.store(true, Relaxed);
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(std::fs::read(&path).unwrap() == expected);
    assert_eq!(server.asked(), before + 2, "a HEAD and a GET");
}
