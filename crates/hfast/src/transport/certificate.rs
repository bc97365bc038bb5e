//! What a certificate says of itself: whom it is for, who issued it, and from when to when it holds.
//! Pure. Whether that is true is not decided here: nothing of it is trusted.

use std::time::SystemTime;

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::text::printable;

/// A certificate for a handful of hosts is told in full, one for thousands is not.
const MAX_NAMES: usize = 8;

/// A name of an organisation fits in this; what is longer is cut.
const MAX_TEXT: usize = 80;

/// One certificate, as it describes itself. All texts may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// The hosts that it is for, the first few of them.
    pub(crate) names: Vec<String>,
    /// Who is said to have issued it: the organisation and the name, as far as they are given.
    pub(crate) issuer: String,
    /// It names itself as its issuer.
    pub(crate) self_issued: bool,
    /// From when on it holds.
    pub(crate) from: SystemTime,
    /// Until when it holds.
    pub(crate) until: SystemTime,
}

/// Reads a certificate in DER; `None` if it is none.
pub(crate) fn describe(der: &[u8]) -> Option<Described> {
    let certificate = Certificate::from_der(der).ok()?;
    let body = certificate.tbs_certificate();
    let listed = body.get_extension::<SubjectAltName>().ok().flatten();
    let listed = listed.map_or_else(Vec::new, |(_, names)| names.0);
    let mut names: Vec<String> = listed.iter().filter_map(host).take(MAX_NAMES).collect();
    if names.is_empty() {
        names.extend(part(body.subject(), COMMON_NAME));
    }
    let at = |time: x509_cert::time::Time| SystemTime::UNIX_EPOCH + time.to_unix_duration();
    Some(Described {
        names,
        issuer: described(body.issuer()),
        self_issued: body.issuer() == body.subject(),
        from: at(body.validity().not_before),
        until: at(body.validity().not_after),
    })
}

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(shown(name.as_str())),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
            v4.or_else(|_| v6()).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// `organisation (name)`, or what there is of it.
fn described(name: &Name) -> String {
    match (part(name, ORGANISATION), part(name, COMMON_NAME)) {
        (Some(organisation), Some(common)) if organisation != common => {
            format!("{organisation} ({common})")
        }
        (Some(only), _) | (None, Some(only)) => only,
        (None, None) => shown(&name.to_string()),
    }
}

/// The object identifiers of X.520, as `iter` writes them.
const COMMON_NAME: &str = "2.5.4.3";
const ORGANISATION: &str = "2.5.4.10";

fn part(name: &Name, kind: &str) -> Option<String> {
    let found = name.iter().find(|part| part.oid.to_string() == kind)?;
    let text = String::from_utf8_lossy(found.value.value()).into_owned();
    Some(shown(&text)).filter(|text| !text.trim().is_empty())
}

fn shown(text: &str) -> String {
    printable(text).chars().take(MAX_TEXT).collect()
}
