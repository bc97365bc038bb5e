//! Whose the token is: the question `/api/whoami-v2`, and what its answer means.

use serde::Deserialize;

use super::ask::Hub;
use super::endpoints::{Asking, Fault};
use super::urls::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::transport::follow::{Answer, follow};
use crate::transport::{Request, read_limited};

/// A person is in fewer organisations than take so many bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Who the Hub takes the user for. All of it comes from the server, and is made printable where it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name of the user.
    pub name: String,
    /// The names of the organisations that the user belongs to.
    pub organisations: Vec<String>,
    /// What the token was called when it was made. One that a browser got has no name.
    pub token_name: Option<String>,
    /// What the token may do: `read`, `write`, `fineGrained`, …
    pub role: Option<String>,
    /// The endpoint that says so.
    pub endpoint: Endpoint,
}

/// The answer, as far as it is used.
#[derive(Deserialize)]
struct WhoAmI {
    name: String,
    #[serde(default)]
    orgs: Vec<Named>,
    #[serde(default)]
    auth: Auth,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Auth {
    access_token: Option<AccessToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessToken {
    display_name: Option<String>,
    role: Option<String>,
}

impl Account {
    fn parse(bytes: &[u8], endpoint: &Endpoint) -> Option<Self> {
        let answer: WhoAmI = serde_json::from_slice(bytes).ok()?;
        let token = answer.auth.access_token;
        let (token_name, role) = token.map_or((None, None), |t| (t.display_name, t.role));
        Some(Self {
            name: answer.name,
            organisations: answer.orgs.into_iter().map(|org| org.name).collect(),
            token_name: token_name.filter(|name| !name.is_empty()),
            role,
            endpoint: endpoint.clone(),
        })
    }
}

impl Hub {
    /// Asks one endpoint after another whose the token is.
    pub(crate) async fn account(&self, asking: Asking<'_>) -> Result<Account, Error> {
        let about = "whose the token is";
        self.each_endpoint(about, asking, async |endpoint, asking| {
            let credentials = self.credentials(endpoint);
            let network = self.network(asking.patience.pause);
            let request = Request::get(endpoint.whoami());
            let answer = follow(&network, request, credentials.as_ref()).await?;
            read(answer, endpoint).await
        })
        .await
    }
}

async fn read(mut answer: Answer, endpoint: &Endpoint) -> Result<Account, Fault> {
    let host = answer.host().to_owned();
    let pause = answer.pause().map_err(Fault::Final)?;
    let status = answer.response.status;
    let body = read_limited(answer.response.body.as_mut(), None, MAX_ANSWER).await;
    if status.is_success() {
        let account = Account::parse(&body?, endpoint);
        return account.ok_or_else(|| Fault::Final(no_answer(&host, "something else")));
    }
    Err(match (status.as_u16(), pause) {
        (401 | 403, _) => Fault::Final(refused(&host)),
        (_, Some(pause)) => {
            let text = format!("{host} answers {}", status.as_u16());
            Fault::Passing(Error::new(ErrorKind::Unreachable, text), pause)
        }
        (code, None) => Fault::Final(no_answer(&host, &code.to_string())),
    })
}

fn refused(host: &str) -> Error {
    let text = format!("{host} does not accept the token: mistyped, deleted or expired");
    Error::new(ErrorKind::AccessDenied, text)
        .with_hint("make another at https://huggingface.co/settings/tokens")
}

fn no_answer(host: &str, said: &str) -> Error {
    let text = format!("{host} does not say whose a token is: it answers {said}");
    Error::new(ErrorKind::Protocol, text)
        .with_hint("ask a Hub that knows its users: --endpoint https://huggingface.co")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hub_says_is_read_and_nothing_else_is() {
        let hub = Endpoint::hub();
        let full = br#"{"type":"user","name":"me","orgs":[{"name":"a"},{"name":"b","x":1}],
            "auth":{"type":"access_token","accessToken":{"displayName":"laptop","role":"read"}}}"#;
        let account = Account::parse(full, &hub).unwrap();
        assert_eq!(
            (account.name.as_str(), account.organisations.len()),
            ("me", 2)
        );
        assert_eq!(account.token_name.as_deref(), Some("laptop"));
        assert_eq!(account.role.as_deref(), Some("read"));
        let browser = br#"{"name":"me","auth":{"type":"oauth"}}"#;
        let account = Account::parse(browser, &hub).unwrap();
        assert_eq!((account.token_name, account.role), (None, None));
        for nonsense in ["", "<html>", "[]", "{\"name\":1}", "{\"hello\":\"world\"}"] {
            assert_eq!(
                Account::parse(nonsense.as_bytes(), &hub),
                None,
                "{nonsense}"
            );
        }
    }
}
