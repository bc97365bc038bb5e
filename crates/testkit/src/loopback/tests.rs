//! Tests of the socket: framing, resets, silence, many at once.

use super::*;
use crate::client::Client;
use crate::corpus::{Content, Repo};
use crate::faults::{Fault, Match, What};
use std::time::Duration;

const SIZE: u64 = 1_000_000;

async fn served() -> Loopback {
    let repo = Repo::model("o/n")
        .lfs("file", Content::seeded(1, SIZE))
        .build();
    Loopback::start(FakeHub::new(vec![repo]))
        .await
        .unwrap()
        .without_cdn()
}

async fn get(server: &Loopback) -> io::Result<crate::client::Reply> {
    Client::new(&server.endpoint())?
        .send("GET", "/o/n/resolve/main/file", &[], &[])
        .await
}

#[tokio::test]
async fn a_file_arrives_whole_with_a_length_and_in_chunks() {
    let server = served().await;
    assert_eq!(
        get(&server).await.unwrap().body,
        Content::seeded(1, SIZE).read(0..SIZE)
    );
    server
        .hub()
        .add_fault(Fault::new(Match::any(), What::LongBody(3)));
    let reply = get(&server).await.unwrap();
    assert_eq!(reply.body.len() as u64, SIZE + 3);
    assert_eq!(server.hub().sent_bytes(), 2 * SIZE + 3);
}

#[tokio::test]
async fn breaks_are_seen_as_what_they_are() {
    let server = served().await;
    let what = |what| {
        server
            .hub()
            .set_faults(vec![Fault::new(Match::any(), what)]);
    };
    what(What::Refuse);
    assert!(get(&server).await.is_err());
    what(What::ResetAfter(1000));
    assert_eq!(
        get(&server).await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    what(What::FinAfter(1000));
    assert_eq!(
        get(&server).await.unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
    what(What::LyingContentLength(10));
    assert_eq!(
        get(&server).await.unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
    what(What::StallAfter(1000, None));
    let waited = tokio::time::timeout(Duration::from_millis(200), get(&server)).await;
    assert!(waited.is_err());
}

#[tokio::test]
async fn the_pace_is_kept() {
    let server = served().await;
    server
        .hub()
        .add_fault(Fault::new(Match::any(), What::Throttle(4 * SIZE)));
    let begun = std::time::Instant::now();
    get(&server).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(240));
}

#[tokio::test]
async fn hundreds_of_connections_are_served_at_once() {
    let server = served().await;
    let mut all = JoinSet::new();
    for _ in 0..200 {
        let client = Client::new(&server.endpoint()).unwrap();
        all.spawn(async move {
            client
                .send("HEAD", "/o/n/resolve/main/file", &[], &[])
                .await
        });
    }
    while let Some(reply) = all.join_next().await {
        assert_eq!(reply.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = served().await;
    let long = "a".repeat(100_000);
    let client = Client::new(&server.endpoint()).unwrap();
    let reply = client.send("GET", "/", &[("x-long", &long)], &[]).await;
    // The refusal may be lost in the reset that ends the unread rest.
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status == 431));
}
