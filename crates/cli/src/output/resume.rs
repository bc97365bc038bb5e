//! The command that goes on where this one stopped, as one could paste it into a shell. Pure.

use super::text::printable;

/// The words of the command line, quoted where a shell needs it; an access token does not appear.
pub(crate) fn command(words: &[String]) -> String {
    let mut is_token = false;
    let quoted = words.iter().map(|word| {
        if std::mem::replace(&mut is_token, word == "--token") {
            return "\"$HF_TOKEN\"".to_owned();
        }
        if word.starts_with("--token=") {
            return "--token=\"$HF_TOKEN\"".to_owned();
        }
        quoted(&printable(word))
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(words: &[&str]) -> String {
        command(
            &words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn the_command_can_be_pasted() {
        let words = [
            "hfast",
            "download",
            "org/name",
            "--include",
            "*.json",
            "it's a file",
            "",
        ];
        let want = r"hfast download org/name --include '*.json' 'it'\''s a file' ''";
        assert_eq!(resumed(&words), want);
    }

    #[test]
    fn a_token_is_never_shown() {
        for words in [
            &["hfast", "--token", "hf_x", "a"][..],
            &["hfast", "--token=hf_x", "a"],
        ] {
            let text = resumed(words);
            assert!(
                text.contains("\"$HF_TOKEN\" a") && !text.contains("hf_x"),
                "{text}"
            );
        }
    }
}
