//! What `hfast shim` prints. Pure.

use std::path::PathBuf;

use serde::Serialize;

use super::text::printable;
use super::told::Told;

/// Links that were made or taken away.
#[derive(Serialize)]
pub(crate) struct Shims {
    pub(crate) links: Vec<PathBuf>,
    pub(crate) program: PathBuf,
    pub(crate) installed: bool,
}

impl Told for Shims {
    fn lines(&self) -> Vec<String> {
        let program = self.program.display();
        let line = |link: &PathBuf| {
            let text = if self.installed {
                format!("{} -> {program}", link.display())
            } else {
                format!("removed {}", link.display())
            };
            printable(&text)
        };
        if self.links.is_empty() {
            return vec!["there was nothing to remove".to_owned()];
        }
        self.links.iter().map(line).collect()
    }

    fn bare(&self) -> Vec<String> {
        let links = self.links.iter();
        links
            .map(|link| printable(&link.display().to_string()))
            .collect()
    }
}
