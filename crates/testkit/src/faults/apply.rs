//! Pure: what each fault does to a response and to its delivery.

use super::What;
use super::gzip;
use crate::corpus::Content;
use crate::hub::{Body, Cut, CutHow, Delivery, HealthyHub, Request, Response};
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use std::ops::Range;
use std::time::Duration;

/// Lets one fault strike.
pub(crate) fn apply(
    what: &What,
    nth: u32,
    request: &Request,
    hub: &HealthyHub,
    response: &mut Response,
    delivery: &mut Delivery,
) {
    match what {
        What::Refuse => delivery.refuse = true,
        What::ResetAfter(after) => cut(delivery, *after, CutHow::Reset),
        What::FinAfter(after) => cut(delivery, *after, CutHow::Fin),
        What::StallAfter(after, time) => cut(delivery, *after, CutHow::Stall(*time)),
        What::StallBeforeHeaders(time) => {
            delivery.delay_headers = Some(time.unwrap_or(Duration::MAX));
        }
        What::Trickle(rate) | What::Throttle(rate) => {
            delivery.rate = Some(delivery.rate.map_or(*rate, |other| other.min(*rate)).max(1));
        }
        What::IgnoreRange => {
            let mut whole = request.clone();
            whole.headers.remove(RANGE);
            *response = hub.respond(&whole);
            response.headers.remove(ACCEPT_RANGES);
        }
        _ => change(what, nth, request, response),
    }
    // A response made anew has a body again, which HEAD must never see.
    if request.is_head() {
        response.body = Body::Empty;
    }
}

/// The earliest of several cuts is the one that happens.
fn cut(delivery: &mut Delivery, after: u64, how: CutHow) {
    if delivery.cut.is_none_or(|cut| after < cut.after) {
        delivery.cut = Some(Cut { after, how });
    }
}

/// The faults that change nothing but the response.
fn change(what: &What, nth: u32, request: &Request, response: &mut Response) {
    match what {
        What::Status {
            code,
            headers,
            body,
        } => {
            *response = Response::new(*code).with_body("text/plain", body.clone());
            for (name, value) in headers {
                response.set(name, value);
            }
        }
        What::WrongContentRange { start, total } => shift_content_range(response, *start, *total),
        What::MissingContentRange => {
            response.headers.remove(CONTENT_RANGE);
        }
        What::ShortBody(missing) => {
            let content = std::mem::take(&mut response.body).into_content();
            let kept = content.size().saturating_sub(*missing);
            response.body = content.slice(0..kept).into();
            response.set_length();
        }
        What::LongBody(extra) => {
            let content = std::mem::take(&mut response.body).into_content();
            response.body = Content::concat([content, Content::seeded(0, *extra)]).into();
            response.headers.remove(CONTENT_LENGTH);
        }
        What::LyingContentLength(by) => {
            let length = response.body.len().saturating_add_signed(*by);
            response.set(CONTENT_LENGTH.as_str(), &length.to_string());
        }
        What::WrongEtag(etag) => set_etags(response, etag),
        What::EtagChanges => set_etags(response, &format!("\"{nth:040x}\"")),
        What::FlipByte(at) => flip(response, |_| *at),
        What::FlipEach => flip(response, |range| range.start),
        What::CaptivePortal => {
            let page = "<!DOCTYPE html><html><body>Please accept our terms.</body></html>";
            *response = Response::new(200).with_body("text/html", page);
        }
        What::Gzip => {
            response.body = Body::Bytes(gzip::stored(&response.body.read()));
            response.set("Content-Encoding", "gzip");
            response.set_length();
        }
        What::RedirectTo { code, location } => redirect(response, *code, location),
        What::RedirectLoop => redirect(response, 302, &request.path_and_query),
        What::ExpireSignedUrls => {
            let page =
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
            *response = Response::new(403).with_body("application/xml", page);
        }
        What::SetHeader {
            name,
            value: Some(value),
        } => response.set(name, value),
        What::SetHeader { name, value: None } => {
            response.headers.remove(name.as_str());
        }
        _ => {}
    }
}

fn redirect(response: &mut Response, code: u16, location: &str) {
    *response = Response::new(code)
        .with_body("text/plain", Bytes::new())
        .with("Location", location);
}

fn set_etags(response: &mut Response, etag: &str) {
    for name in ["ETag", "X-Linked-Etag"] {
        if response.headers.contains_key(name) {
            response.set(name, etag);
        }
    }
}

fn shift_content_range(response: &mut Response, start: i64, total: i64) {
    let parsed = response.text(CONTENT_RANGE).and_then(|text| {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((
            first.parse::<u64>().ok()?,
            last.parse::<u64>().ok()?,
            size.parse::<u64>().ok()?,
        ))
    });
    if let Some((first, last, size)) = parsed {
        let (first, last) = (
            first.saturating_add_signed(start),
            last.saturating_add_signed(start),
        );
        let size = size.saturating_add_signed(total);
        response.set(
            CONTENT_RANGE.as_str(),
            &format!("bytes {first}-{last}/{size}"),
        );
    }
}

fn flip(response: &mut Response, at: impl Fn(&Range<u64>) -> u64) {
    if let Body::File { content, range } = &mut response.body
        && range.contains(&at(range))
    {
        *content = content.with_flip(at(range));
    }
}
