//! Which files of a listing were asked for. Pure.

use crate::error::{Error, ErrorKind};
use crate::hub::listing::{RefusedName, RemoteFile};
use crate::hub::select::Selection;

/// What was asked for: exact names, folders, and patterns.
pub(super) struct Choice {
    names: Vec<String>,
    folders: Vec<String>,
    patterns: Option<Selection>,
    selection: Selection,
}

impl Choice {
    /// # Errors
    /// [`ErrorKind::Usage`] for a pattern that cannot be one.
    pub(super) fn new(
        files: &[String],
        include: &[String],
        exclude: &[String],
    ) -> Result<Self, Error> {
        let selection = Selection::new(include, exclude)?;
        let (folders, files): (Vec<_>, Vec<_>) =
            files.iter().cloned().partition(|name| name.ends_with('/'));
        // The official clients take names as patterns; a name that is one is meant as one.
        let (patterns, names): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|name| name.contains(['*', '?', '[']));
        let patterns = if patterns.is_empty() {
            None
        } else {
            Some(Selection::new(&patterns, &[])?)
        };
        if names.iter().any(String::is_empty) {
            return Err(Error::new(ErrorKind::Usage, "the name of a file is empty"));
        }
        Ok(Self {
            names,
            folders,
            patterns,
            selection,
        })
    }

    fn names_any(&self) -> bool {
        !self.names.is_empty() || !self.folders.is_empty() || self.patterns.is_some()
    }

    /// Whether a path was asked for.
    pub(super) fn keeps(&self, path: &str) -> bool {
        let named = self.names.iter().any(|name| name == path)
            || self
                .folders
                .iter()
                .any(|folder| path.starts_with(folder.as_str()))
            || self
                .patterns
                .as_ref()
                .is_some_and(|patterns| patterns.keeps(path));
        (named || !self.names_any()) && self.selection.keeps(path)
    }

    /// The first exact name that the repository does not have. A pattern that reads like a name
    /// with brackets is looked for as a name, too.
    pub(super) fn missing(&self, files: &[RemoteFile], refused: &[RefusedName]) -> Option<&str> {
        let has = |name: &str| {
            files.iter().any(|file| file.path.as_str() == name)
                || refused.iter().any(|r| r.name == name)
        };
        self.names
            .iter()
            .map(String::as_str)
            .find(|name| !has(name))
    }

    /// The one file that was asked for, if it was exactly one, by its name.
    pub(super) fn single(&self) -> Option<&str> {
        match (
            self.names.as_slice(),
            self.folders.is_empty(),
            &self.patterns,
        ) {
            ([name], true, None) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(files: &[&str], include: &[&str], exclude: &[&str]) -> Choice {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Choice::new(&owned(files), &owned(include), &owned(exclude)).unwrap()
    }

    #[test]
    fn names_folders_and_patterns_choose() {
        let all = choice(&[], &[], &["*.bin"]);
        assert!(all.keeps("a.txt") && !all.keeps("x/a.bin"));
        let some = choice(&["a.txt", "onnx/", "*.json"], &[], &[]);
        assert!(some.keeps("a.txt") && some.keeps("onnx/m.onnx") && some.keeps("x/y.json"));
        assert!(!some.keeps("b.txt") && !some.keeps("onnx2/m.onnx"));
        assert_eq!(some.single(), None);
        assert_eq!(choice(&["a.txt"], &[], &[]).single(), Some("a.txt"));
        assert_eq!(
            choice(&["a.txt"], &[], &[]).missing(&[], &[]),
            Some("a.txt")
        );
    }
}
