//! The handshake and the certificate: who issued it, for whom, and what breaks before it. Pure.

use super::words::{day, ways_around};
use super::{Check, Context, EndpointSeen, ErrorKind, Finding, clock};
use crate::transport::FailureKind;
use crate::transport::certificate::Described;
use crate::transport::witness::{Flaw, Presented};

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let host = &seen.host;
    let name = seen.endpoint.authority();
    if !host.secure {
        return Finding::skipped(
            Check::Tls,
            name,
            "not used: the endpoint begins with http://",
        );
    }
    let Some(presented) = &host.presented else {
        return before_the_certificate(seen, context);
    };
    let certificate = presented.certificate.as_ref();
    let issuer = certificate.map_or("somebody who cannot be read", |c| c.issuer.as_str());
    let Some(flaw) = &presented.flaw else {
        let until =
            certificate.map_or_else(String::new, |c| format!(", valid until {}", day(c.until)));
        let text = format!("the certificate is issued by {issuer}{until}");
        return Finding::ok(Check::Tls, name, text).detail(details(presented));
    };
    let told = told(flaw, issuer, certificate, seen);
    Finding::fault(Check::Tls, ErrorKind::Unreachable, name, told)
        .advise_all(advice(flaw, issuer, seen, context))
        .detail(details(presented))
}

fn told(flaw: &Flaw, issuer: &str, certificate: Option<&Described>, seen: &EndpointSeen) -> String {
    let by = format!("the certificate is issued by {issuer}");
    let itself = certificate.is_some_and(|certificate| certificate.self_issued);
    match (flaw, certificate) {
        (Flaw::UnknownIssuer, _) if itself => {
            format!("{by}, which is itself: nobody vouches for it")
        }
        (Flaw::UnknownIssuer, _) => {
            format!(
                "{by}, whom this system does not trust: something on the way intercepts TLS, \
                 or the server has a certificate of its own making"
            )
        }
        (Flaw::OtherName, Some(certificate)) => {
            let names = certificate.names.join(", ");
            format!("the certificate is for {names}, and not for this host; {by}")
        }
        (Flaw::Expired, Some(certificate)) if clock::is_right(seen) => {
            format!(
                "the certificate has expired on {}; {by}",
                day(certificate.until)
            )
        }
        (Flaw::Expired, Some(certificate)) => format!(
            "by this machine's clock, the certificate has expired on {}; {by}",
            day(certificate.until)
        ),
        (Flaw::NotYetValid, Some(certificate)) => format!(
            "by this machine's clock, the certificate holds only from {} on; {by}",
            day(certificate.from)
        ),
        (Flaw::Other(what), _) => format!("the certificate is refused ({what}); {by}"),
        (_, None) => "the certificate is refused, and cannot be read".to_owned(),
    }
}

fn advice(flaw: &Flaw, issuer: &str, seen: &EndpointSeen, context: &Context<'_>) -> Vec<String> {
    let sources = &context.examination.sources;
    let mut advice = Vec::new();
    match flaw {
        Flaw::UnknownIssuer => {
            let trust = match sources.certificates.as_deref() {
                None => "trust it: REQUESTS_CA_BUNDLE=/path/to/its-certificate.pem".to_owned(),
                Some(set) => format!("add its certificate to the file that {set} names"),
            };
            advice.push(format!(
                "if {issuer} is your company's proxy, your antivirus or your own server, {trust}"
            ));
            if sources.certificates.as_deref() == Some("SSL_CERT_FILE") {
                let alone = "SSL_CERT_FILE alone decides who is trusted, in place of the system: \
                             unset SSL_CERT_FILE if that is not meant";
                advice.push(alone.to_owned());
            }
            if seen.host.proxy.is_some() {
                let setting = sources.proxy("https");
                advice.push(format!(
                    "or do without the proxy: unset {setting}, or NO_PROXY={}",
                    seen.host.name
                ));
            }
            advice.push("if nobody should stand there, use another network".to_owned());
        }
        Flaw::Expired | Flaw::NotYetValid => {
            if !clock::is_right(seen) {
                advice
                    .push("compare this machine's clock with another one: timedatectl".to_owned());
            }
            advice.extend(ways_around(&seen.endpoint, context));
        }
        Flaw::OtherName | Flaw::Other(_) => advice.extend(ways_around(&seen.endpoint, context)),
    }
    advice
}

/// The connection came about, and no certificate was seen.
fn before_the_certificate(seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let name = seen.endpoint.authority();
    let nothing = || {
        let text = "there is no connection to shake hands over";
        Finding::skipped(Check::Tls, name, text)
    };
    let Some(failure) = seen.silence().filter(|_| seen.host.connects()) else {
        return nothing();
    };
    let fault = |what: &str| Finding::fault(Check::Tls, ErrorKind::Unreachable, name, what);
    match failure.kind {
        FailureKind::PlainText => fault("what answers there does not speak TLS")
            .advise(format!(
                "if it is a server of your own: --endpoint http://{name}"
            ))
            .advise("a login page of the network may stand between: open any address in a browser"),
        FailureKind::Proxy | FailureKind::Dns | FailureKind::Paused => nothing(),
        _ => {
            let what = format!(
                "connections come about, and break as soon as the name of the host is sent ({}): \
                 the network blocks it by its name, or the server is out of order",
                failure.detail()
            );
            fault(&what).advise_all(ways_around(&seen.endpoint, context))
        }
    }
}

fn details(presented: &Presented) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(certificate) = &presented.certificate {
        details.push(format!("for {}", certificate.names.join(", ")));
        details.push(format!("issued by {}", certificate.issuer));
        details.push(format!(
            "valid from {} until {}",
            day(certificate.from),
            day(certificate.until)
        ));
    }
    details.extend(
        presented
            .above
            .iter()
            .map(|issuer| format!("above it: issued by {issuer}")),
    );
    details
}
