//! Responses onto a socket, with everything their delivery says: pace, silence, breaks.

use crate::hub::{Body, Cut, CutHow, Delivery, Exchange, Meter, Response};
use std::io::{self, Write as _};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

/// The largest piece of a body written at once.
const PIECE: u64 = 256 * 1024;

/// What may follow on the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The next request.
    KeepAlive,
    /// Nothing.
    Close,
}

/// Sends one response.
pub(super) async fn deliver(
    stream: &mut TcpStream,
    exchange: Exchange,
    head_only: bool,
) -> io::Result<Outcome> {
    let Exchange {
        response,
        delivery,
        meter,
    } = exchange;
    if delivery.refuse {
        stream.set_zero_linger()?;
        return Ok(Outcome::Close);
    }
    if let Some(delay) = delivery.delay_headers {
        silence(stream, delay).await?;
    }
    let framing = Framing::of(&response, head_only);
    stream.write_all(&head(&response, framing)).await?;
    if response.body.is_empty() {
        return Ok(framing.outcome());
    }
    send_body(stream, &response.body, framing, &delivery, &meter).await
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// By its length, or by having none.
    Length,
    /// By its length, which is not true: only closing keeps the lie from spreading.
    FalseLength,
    /// By the last chunk.
    Chunked,
}

impl Framing {
    fn of(response: &Response, head_only: bool) -> Self {
        let declared = response.text("content-length").map(str::parse::<u64>);
        match declared {
            _ if head_only => Self::Length,
            Some(Ok(length)) if length == response.body.len() => Self::Length,
            Some(_) => Self::FalseLength,
            None if matches!(response.status, 204 | 304) => Self::Length,
            None => Self::Chunked,
        }
    }

    fn outcome(self) -> Outcome {
        if self == Self::FalseLength {
            Outcome::Close
        } else {
            Outcome::KeepAlive
        }
    }
}

/// Status line and headers; the end of an empty chunked body included.
fn head(response: &Response, framing: Framing) -> Vec<u8> {
    let status = http::StatusCode::from_u16(response.status).ok();
    let reason = status
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", response.status).into_bytes();
    for (name, value) in &response.headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    match framing {
        Framing::Length => {}
        Framing::FalseLength => head.extend_from_slice(b"connection: close\r\n"),
        Framing::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    head.extend_from_slice(b"\r\n");
    if framing == Framing::Chunked && response.body.is_empty() {
        head.extend_from_slice(b"0\r\n\r\n");
    }
    head
}

async fn send_body(
    stream: &mut TcpStream,
    body: &Body,
    framing: Framing,
    delivery: &Delivery,
    meter: &Meter,
) -> io::Result<Outcome> {
    let length = body.len();
    let mut cut = delivery.cut.filter(|cut| cut.after < length);
    let piece = piece_size(delivery.rate).min(length);
    let mut buffer = vec![0; crate::corpus::index(piece)];
    let begun = Instant::now();
    let mut sent = 0;
    loop {
        if let Some(Cut { after, how }) = cut
            && sent == after
        {
            if broken(stream, how).await? {
                return Ok(Outcome::Close);
            }
            cut = None;
        }
        if sent == length {
            break;
        }
        let end = cut.map_or(length, |cut| cut.after).min(sent + piece);
        let filled = body.fill(sent, &mut buffer[..crate::corpus::index(end - sent)]);
        sent += filled as u64;
        if let Some(rate) = delivery.rate {
            sleep_until(begun + Duration::from_secs(1).mul_f64(ratio(sent, rate))).await;
        }
        write_piece(stream, &buffer[..filled], framing).await?;
        meter.add(filled as u64);
    }
    if framing == Framing::Chunked {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(framing.outcome())
}

/// Slow links get small pieces, twenty a second, so that they flow instead of hopping.
fn piece_size(rate: Option<u64>) -> u64 {
    rate.map_or(PIECE, |rate| (rate / 20).clamp(1, PIECE))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a pace does not need the last bits"
)]
fn ratio(sent: u64, rate: u64) -> f64 {
    sent as f64 / rate.max(1) as f64
}

async fn write_piece(stream: &mut TcpStream, piece: &[u8], framing: Framing) -> io::Result<()> {
    if framing != Framing::Chunked {
        return stream.write_all(piece).await;
    }
    let mut line = Vec::with_capacity(16);
    write!(line, "{:x}\r\n", piece.len())?;
    stream.write_all(&line).await?;
    stream.write_all(piece).await?;
    stream.write_all(b"\r\n").await
}

/// Carries out a cut; false when the body goes on after it.
async fn broken(stream: &mut TcpStream, how: CutHow) -> io::Result<bool> {
    match how {
        CutHow::Reset => {
            // A reset throws away what is still in the buffers; let it arrive first, so that
            // the client sees as many bytes as the fault says.
            stream.flush().await?;
            sleep(Duration::from_millis(20)).await;
            stream.set_zero_linger()?;
            Ok(true)
        }
        CutHow::Fin => {
            stream.shutdown().await?;
            Ok(true)
        }
        CutHow::Stall(time) => {
            silence(stream, time.unwrap_or(Duration::MAX)).await?;
            Ok(false)
        }
    }
}

/// Says nothing for a time; ends early with an error when the peer gives up.
async fn silence(stream: &TcpStream, time: Duration) -> io::Result<()> {
    let mut byte = [0];
    tokio::select! {
        () = sleep(time) => Ok(()),
        peeked = stream.peek(&mut byte) => match peeked {
            // The next request, sent ahead: the silence is kept.
            Ok(1..) => { sleep(time).await; Ok(()) }
            Ok(0) => Err(io::ErrorKind::ConnectionAborted.into()),
            Err(error) => Err(error),
        },
    }
}

/// Answers what was not a request at all.
pub(super) async fn refuse_with(stream: &mut TcpStream, status: u16) -> io::Result<()> {
    let response = Response::new(status).with_body("text/plain", "not a request\n");
    stream
        .write_all(&head(&response, Framing::FalseLength))
        .await?;
    stream.write_all(&response.body.read()).await?;
    stream.shutdown().await
}
