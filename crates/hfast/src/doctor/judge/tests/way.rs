//! The way to an endpoint: names, connections, certificates, the clock.

use std::io;

use super::*;

#[test]
fn nothing_is_said_against_what_is_healthy() {
    assert_eq!(said(|_| {}), "all is well");
}

#[test]
fn names_are_judged() {
    let lookup = |outcome: Result<Vec<SocketAddr>, Miss>, millis: u64| {
        said(move |seen| {
            silent(FailureKind::Dns)(seen);
            seen.host.presented = None;
            seen.host.reach = Some(Reach {
                lookup: step(outcome, millis),
                connects: Vec::new(),
            });
        })
    };
    let none = Miss::Refused(io::ErrorKind::Other, "unknown".to_owned());
    assert!(lookup(Err(none), 5).starts_with("fault dns: the name could not be resolved: unknown"));
    assert!(lookup(Err(Miss::Silent), 4000).ends_with("no answer after 4.0 s"));
    assert_eq!(
        lookup(Ok(Vec::new()), 5),
        "fault dns: the name has no address"
    );
    let poisoned = said(|seen| {
        silent(FailureKind::Connect)(seen);
        seen.host.presented = None;
        seen.host.reach = Some(reach(&["31.13.94.37:443"]));
    });
    assert!(poisoned.starts_with("fault dns: it leads to 31.13.94.37, a server of Meta: "));
    let works = said(|seen| seen.host.reach = Some(reach(&["10.0.0.1:443"])));
    assert_eq!(
        works,
        "warning dns: it leads to 10.0.0.1, a private network; a Hub answers there"
    );
    let slow = said(|seen| {
        let reach = seen.host.reach.as_mut().unwrap();
        reach.lookup.took = Duration::from_millis(1001);
    });
    assert_eq!(
        slow,
        "warning dns: 2 addresses (1 of IPv6), but only after 1.0 s"
    );
    let tunnel = said(|seen| seen.host.reach = Some(reach(&["198.18.0.7:443"])));
    assert_eq!(tunnel, "all is well");
}

#[test]
fn connections_are_judged() {
    let connects = |outcomes: [Result<(), Miss>; 2]| {
        said(move |seen| {
            if outcomes.iter().all(Result::is_err) {
                silent(FailureKind::Connect)(seen);
                seen.host.presented = None;
            }
            let reach = seen.host.reach.as_mut().unwrap();
            for ((_, step), outcome) in reach.connects.iter_mut().zip(outcomes) {
                step.outcome = outcome;
            }
        })
    };
    let refused = || {
        Err(Miss::Refused(
            io::ErrorKind::ConnectionRefused,
            "refused".to_owned(),
        ))
    };
    let silent = || Err(Miss::Silent);
    assert_eq!(
        connects([refused(), refused()]),
        "fault tcp: no connection: refused after 30 ms (the same with all 2 addresses)"
    );
    assert_eq!(
        connects([silent(), refused()]),
        "fault tcp: no connection: no answer after 30 ms (and not one of 2 addresses accepts)"
    );
    assert!(connects([Ok(()), silent()]).contains("IPv6 leads into nothing"));
    assert_eq!(
        connects([silent(), Ok(())]),
        "warning tcp: connected in 30 ms, but 1 of 2 addresses do not answer"
    );
    // A system without IPv6 says so at once.
    assert_eq!(connects([Ok(()), refused()]), "all is well");
}

#[test]
fn certificates_are_judged() {
    let flawed = |flaw: Flaw, change: fn(&mut Described)| {
        said(move |seen| {
            silent(FailureKind::Certificate)(seen);
            let mut presented = presented(Some(flaw));
            change(presented.certificate.as_mut().unwrap());
            seen.host.presented = Some(presented);
        })
    };
    let acme = |own: &mut Described| "Acme".clone_into(&mut own.issuer);
    assert_eq!(
        flawed(Flaw::UnknownIssuer, acme),
        "fault tls: the certificate is issued by Acme, whom this system does not trust: \
         something on the way intercepts TLS, or the server has a certificate of its own making"
    );
    assert!(flawed(Flaw::UnknownIssuer, |own| own.self_issued = true).contains("vouches for it"));
    let other = |own: &mut Described| own.names = vec!["*.example.net".to_owned()];
    assert!(flawed(Flaw::OtherName, other).starts_with("fault dns: it leads to a server that is"));
    let old = |own: &mut Described| own.until = at(TODAY - 1);
    assert!(flawed(Flaw::Expired, old).contains("by this machine's clock, the certificate has"));
    let new = |own: &mut Described| own.from = at(TODAY + 2);
    assert_eq!(
        flawed(Flaw::NotYetValid, new),
        "fault clock: this machine's clock is 2 days behind of it: 01 Jul 2024 here"
    );
    assert!(flawed(Flaw::Other("odd".to_owned()), acme).contains("refused (odd)"));
}

#[test]
fn what_breaks_before_the_certificate_is_judged() {
    let broken = |kind| {
        said(move |seen| {
            silent(kind)(seen);
            seen.host.presented = None;
        })
    };
    for kind in [FailureKind::Connect, FailureKind::Silent, FailureKind::Tls] {
        let text = broken(kind);
        assert!(
            text.starts_with("fault tls: connections come about, and break"),
            "{text}"
        );
    }
    assert!(broken(FailureKind::PlainText).ends_with("does not speak TLS"));
}

#[test]
fn the_clock_is_judged_by_dates() {
    let dated = |date: &str, age: Option<&str>| {
        let mut list = vec![("date", date)];
        list.extend(age.map(|age| ("age", age)));
        let (list, body) = (list, format!("{{\"sha\":\"{COMMIT}\"}}"));
        said(move |seen| seen.answers.info = answered(INFO, 200, &list, &body))
    };
    let ahead = dated("Sun, 30 Jun 2024 23:50:00 GMT", None);
    assert!(ahead.starts_with("fault clock: this machine's clock is 10 minutes ahead"));
    assert_eq!(
        dated("Sun, 30 Jun 2024 23:50:00 GMT", Some("600")),
        "all is well"
    );
    let behind = dated("Mon, 01 Jul 2024 05:00:00 GMT", None);
    assert!(behind.starts_with("fault clock: this machine's clock is 5 hours behind"));
    assert_eq!(dated("Mon, 01 Jul 2024 00:04:59 GMT", None), "all is well");
    assert_eq!(dated("nonsense", None), "all is well");
}

#[test]
fn a_way_that_is_broken_is_not_blamed_on_what_rests_on_it() {
    let mut seen = healthy();
    silent(FailureKind::Dns)(&mut seen);
    seen.host.presented = None;
    seen.host.reach = Some(Reach {
        lookup: step(Err(Miss::Silent), 4000),
        connects: Vec::new(),
    });
    seen.answers.piece = None;
    seen.answers.listing = None;
    let findings = judged(&examination(), seen);
    let faults = findings.iter().filter(|f| f.verdict == Verdict::Fault);
    assert_eq!(faults.count(), 1, "{findings:#?}");
}

#[test]
fn a_system_without_certificates_is_told_what_to_install() {
    let cause = "No CA certificates were loaded from the system";
    let error = Error::new(ErrorKind::Usage, "cannot set up the network").with_source(cause);
    let seen = Seen {
        endpoints: Err(error),
        disk: Some(survey()),
    };
    let (findings, working) = judge(&examination(), &seen);
    assert_eq!(findings[0].check, Check::Settings);
    assert!(
        findings[0].advice[0].contains("ca-certificates"),
        "{findings:?}"
    );
    assert!(working.is_empty());
}
