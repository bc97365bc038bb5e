//! Endpoints of which some send wrong bytes and say nothing: they are found out, the file is right, and the
//! next file is not asked of them.

use hfast_testkit::faults::{Fault, Match, What};

use crate::on_virtual_time;
use crate::sources::{BOTH, World};

/// What each of them brought goes through the network once more; there is time for that, and for no
/// more, on connections of this rate.
const RATE: u64 = 400_000;

#[test]
fn whoever_sends_wrong_bytes_is_found_out_and_not_asked_again() {
    for liar in [0, 1] {
        let world = World::of(&BOTH, RATE);
        let (hub, name) = match liar {
            0 => (&world.first, "hub.test"),
            _ => (&world.second, "mirror.test"),
        };
        hub.add_fault(Fault::new(Match::cdn(), What::FlipEach));
        let folder = tempfile::tempdir().unwrap();
        on_virtual_time(async {
            let report = world.download(folder.path(), &["model.safetensors"]).await;
            assert!(report.failed.is_empty(), "{name}: {:?}", report.failed);
            let notices = world.notices();
            let said = format!("the bytes of {name} were wrong");
            assert!(
                notices.iter().any(|text| text.contains(&said)),
                "{notices:?}"
            );
        });
    }
}

#[test]
fn one_that_lied_is_not_asked_for_the_next_file() {
    let world = World::of(&BOTH, RATE);
    let flip = Fault::new(Match::cdn(), What::FlipEach);
    world.second.add_fault(flip);
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        let files = ["model.safetensors", "vocab.bin"];
        world.download(folder.path(), &files).await;
        let asked = files.map(|name| world.second.count("GET", &format!("/{name}")));
        assert!(asked[0] > 0 && asked[1] == 0, "{asked:?}");
    });
}

#[test]
fn one_that_is_honest_is_enough_beside_two_that_lie() {
    for honest in 0..3 {
        let mut endpoints = ["http://hub.test", "http://mirror.test", "http://twin.test"];
        endpoints.rotate_right(honest);
        let world = World::of(&endpoints, RATE);
        let flip = Fault::new(Match::cdn(), What::FlipEach);
        world.second.add_fault(flip);
        let folder = tempfile::tempdir().unwrap();
        on_virtual_time(async {
            let report = world.download(folder.path(), &["model.safetensors"]).await;
            assert!(report.failed.is_empty(), "{endpoints:?}");
            let notices = world.notices();
            let found = |name| {
                let said = format!("the bytes of {name} were wrong");
                notices.iter().any(|text| text.contains(&said))
            };
            let [mirror, twin, hub] = ["mirror.test", "twin.test", "hub.test"].map(found);
            assert!((mirror || twin) && !hub, "{notices:?}");
        });
    }
}

#[test]
fn two_that_lie_give_no_file() {
    let world = World::of(&BOTH, RATE);
    for hub in [&world.first, &world.second] {
        let flip = Fault::new(Match::cdn(), What::FlipEach);
        hub.add_fault(flip);
    }
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        let error = world.attempt(folder.path(), &["model.safetensors"]).await;
        assert_eq!(error.unwrap_err().kind(), hfast::ErrorKind::Integrity);
    });
}
