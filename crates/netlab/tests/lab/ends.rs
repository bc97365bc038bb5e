//! What runs at the two ends: a server that sends so many known bytes to whoever connects, and a
//! client that checks them.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub(crate) const PORT: u16 = 8000;

/// Exit statuses of the client: all bytes came; silence; a reset; wrong or missing bytes.
pub(crate) const RIGHT: u8 = 0;
pub(crate) const SILENCE: u8 = 61;
pub(crate) const RESET: u8 = 62;
pub(crate) const WRONG: u8 = 63;

/// After so long without a byte, a connection is silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Plays `serve BYTES` or `fetch HOST BYTES`, if these are the words; says the exit status.
pub(crate) fn play(words: &[String]) -> Option<u8> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", bytes] => serve(bytes.parse().unwrap()),
        ["fetch", host, bytes] => Some(fetch(host, bytes.parse().unwrap())),
        _ => None,
    }
}

/// The byte at a place: no shift by less than 251 bytes looks the same.
fn expected(at: u64) -> u8 {
    (at % 251) as u8
}

fn serve(bytes: u64) -> ! {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).unwrap();
    loop {
        let (mut peer, _) = listener.accept().unwrap();
        thread::spawn(move || {
            let mut at = 0;
            while at < bytes {
                let end = bytes.min(at + 65_536);
                let piece: Vec<u8> = (at..end).map(expected).collect();
                if peer.write_all(&piece).is_err() {
                    return;
                }
                at = end;
            }
        });
    }
}

fn fetch(host: &str, bytes: u64) -> u8 {
    let mut peer = TcpStream::connect((host, PORT)).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = vec![0; 65_536];
    let mut at = 0;
    loop {
        match peer.read(&mut buffer) {
            Ok(0) => return if at == bytes { RIGHT } else { WRONG },
            Ok(length) => {
                let end = at + length as u64;
                if !(at..end).map(expected).eq(buffer[..length].iter().copied()) {
                    return WRONG;
                }
                at = end;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return SILENCE,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return RESET,
            Err(error) => panic!("{error}"),
        }
    }
}
