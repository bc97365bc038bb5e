//! Which flag, variable or file a setting came from, so that the user can be told what to change.
//! Pure: whoever runs the program passes in a way to look a variable up.

use crate::environment::{CERTIFICATES, HUB_CACHE, TOKEN};

/// Where settings came from, in the words of whoever would change them: `--endpoint`, `HF_TOKEN`,
/// `the file ~/x`. `None`: the setting is not made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The endpoints; `None` means that nobody chose any.
    pub endpoints: Option<String>,
    /// That the public mirror is asked before them.
    pub mirror: Option<String>,
    /// The token.
    pub token: Option<String>,
    /// The folder that files go to.
    pub folder: Option<String>,
    /// Further certificates.
    pub certificates: Option<String>,
    /// The proxy for `http:` addresses.
    pub http_proxy: Option<String>,
    /// The proxy for `https:` addresses.
    pub https_proxy: Option<String>,
    /// The proxy for what the other two leave out.
    pub all_proxy: Option<String>,
    /// What is reached without a proxy.
    pub no_proxy: Option<String>,
    /// That no server is asked for anything.
    pub offline: Option<String>,
    /// The file in which endpoints can be set for good.
    pub settings_file: Option<String>,
}

impl Sources {
    /// What the variables that `lookup` finds set. Flags and files are not known here.
    ///
    /// ```
    /// use hfast::doctor::Sources;
    /// let sources = Sources::of_variables(|name| (name == "https_proxy").then(|| "http://p".into()));
    /// assert_eq!(sources.https_proxy.as_deref(), Some("https_proxy"));
    /// ```
    pub fn of_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&&str| lookup(name).is_some_and(|text| !text.trim().is_empty());
        let first = |names: &[&str]| names.iter().find(set).map(|name| (*name).to_owned());
        // A lower-case variable wins, and set to nothing it takes the proxy away.
        let proxy = |lower: &str, upper: &str| {
            let name = if lookup(lower).is_some() {
                lower
            } else {
                upper
            };
            first(&[name])
        };
        Self {
            endpoints: first(&["HF_ENDPOINT"]),
            mirror: None,
            token: first(&TOKEN),
            folder: first(&HUB_CACHE).or_else(|| first(&["HF_HOME", "XDG_CACHE_HOME"])),
            certificates: first(&CERTIFICATES),
            http_proxy: proxy("http_proxy", "HTTP_PROXY"),
            https_proxy: proxy("https_proxy", "HTTPS_PROXY"),
            all_proxy: proxy("all_proxy", "ALL_PROXY"),
            no_proxy: proxy("no_proxy", "NO_PROXY"),
            offline: first(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]),
            settings_file: None,
        }
    }

    /// The setting behind the proxy of an address with this scheme.
    pub(crate) fn proxy(&self, scheme: &str) -> &str {
        let own = match scheme {
            "https" => &self.https_proxy,
            _ => &self.http_proxy,
        };
        let found = own.as_deref().or(self.all_proxy.as_deref());
        found.unwrap_or(match scheme {
            "https" => "HTTPS_PROXY",
            _ => "HTTP_PROXY",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_wins_is_named() {
        let sources = Sources::of_variables(|name| {
            let set = [
                ("HF_TOKEN", " "),
                ("HUGGING_FACE_HUB_TOKEN", "x"),
                ("https_proxy", ""),
                ("HTTPS_PROXY", "http://p"),
                ("HTTP_PROXY", "http://p"),
                ("ALL_PROXY", "http://p"),
                ("CURL_CA_BUNDLE", "/x"),
                ("HF_HOME", "/h"),
            ];
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(sources.token.as_deref(), Some("HUGGING_FACE_HUB_TOKEN"));
        assert_eq!(sources.https_proxy, None, "taken away");
        assert_eq!(sources.proxy("https"), "ALL_PROXY");
        assert_eq!(sources.proxy("http"), "HTTP_PROXY");
        assert_eq!(sources.certificates.as_deref(), Some("CURL_CA_BUNDLE"));
        assert_eq!(sources.folder.as_deref(), Some("HF_HOME"));
        assert_eq!(Sources::default().proxy("https"), "HTTPS_PROXY");
    }
}
