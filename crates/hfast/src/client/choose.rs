//! Which files of a listing were asked for. Pure.

use super::DownloadRequest;
use crate::error::{Error, ErrorKind};
use crate::hub::listing::{RefusedName, RemoteFile};
use crate::hub::select::Selection;

/// What was asked for: exact names, folders, and patterns.
#[derive(Debug)]
pub(super) struct Choice {
    names: Vec<String>,
    folders: Vec<String>,
    /// Each is a name if the repository has such a file, and else a pattern.
    either: Vec<(String, Selection)>,
    selection: Selection,
}

impl Choice {
    /// # Errors
    /// [`ErrorKind::Usage`] for an empty name and for a pattern that cannot be one.
    pub(super) fn new(request: &DownloadRequest) -> Result<Self, Error> {
        let (folders, names): (Vec<_>, Vec<_>) = request
            .files
            .iter()
            .cloned()
            .partition(|name| name.ends_with('/'));
        if names.iter().any(String::is_empty) {
            return Err(Error::new(ErrorKind::Usage, "the name of a file is empty"));
        }
        let either = request.names_or_patterns.iter().map(|text| {
            let pattern = Selection::new(std::slice::from_ref(text), &[])?;
            Ok((text.clone(), pattern))
        });
        Ok(Self {
            names,
            folders,
            either: either.collect::<Result<_, Error>>()?,
            selection: Selection::new(&request.include, &request.exclude)?,
        })
    }

    /// Decides which of the texts that may be either are names: those that the repository has.
    pub(super) fn settle(&mut self, files: &[RemoteFile], refused: &[RefusedName]) {
        let is_name = |text: &str| {
            files.iter().any(|file| file.path.as_str() == text)
                || refused.iter().any(|refused| refused.name == text)
        };
        let found = self.either.extract_if(.., |(text, _)| is_name(text));
        self.names.extend(found.map(|(text, _)| text));
    }

    fn names_any(&self) -> bool {
        !self.names.is_empty() || !self.folders.is_empty() || !self.either.is_empty()
    }

    /// Whether a path was asked for. A file that is named is meant, whatever the patterns say.
    pub(super) fn keeps(&self, path: &str) -> bool {
        let in_folder = |folder: &String| path.starts_with(folder.as_str());
        let matched = || {
            !self.names_any()
                || self.folders.iter().any(in_folder)
                || self.either.iter().any(|(_, pattern)| pattern.keeps(path))
        };
        self.names.iter().any(|name| name == path) || (self.selection.keeps(path) && matched())
    }

    /// The first name that the repository does not have, or folder or pattern that no file of it
    /// matches.
    pub(super) fn missing(&self, files: &[RemoteFile], refused: &[RefusedName]) -> Option<&str> {
        let any = |fits: &dyn Fn(&str) -> bool| {
            files.iter().any(|file| fits(file.path.as_str()))
                || refused.iter().any(|refused| fits(&refused.name))
        };
        let lacks_name = |name: &&String| !any(&|path| path == name.as_str());
        let lacks_folder = |folder: &&String| !any(&|path| path.starts_with(folder.as_str()));
        let lacks_match = |either: &&(String, Selection)| !any(&|path| either.1.keeps(path));
        let name = self.names.iter().find(lacks_name);
        let folder = || self.folders.iter().find(lacks_folder);
        let either = || self.either.iter().find(lacks_match).map(|(text, _)| text);
        name.or_else(folder).or_else(either).map(String::as_str)
    }

    /// Whether a selection was made that could leave nothing.
    pub(super) fn selects(&self) -> bool {
        self.names_any() || !self.selection.is_everything()
    }

    /// The one file that was asked for, if it was exactly one, by its name.
    pub(super) fn single(&self) -> Option<&str> {
        match self.names.as_slice() {
            [name] if self.folders.is_empty() && self.either.is_empty() => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Target;
    use crate::names::{Repo, RepoId, RepoType};
    use crate::repo_path::RepoPath;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn choice(files: &[&str], either: &[&str], exclude: &[&str]) -> Choice {
        let repo = Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        Choice::new(&DownloadRequest {
            files: owned(files),
            names_or_patterns: owned(either),
            exclude: owned(exclude),
            ..DownloadRequest::new(repo, Target::Cache("x".into()))
        })
        .unwrap()
    }

    fn listed(names: &[&str]) -> Vec<RemoteFile> {
        let file = |name: &&str| RemoteFile {
            path: RepoPath::new(name).unwrap(),
            size: None,
            digest: None,
            xet: None,
        };
        names.iter().map(file).collect()
    }

    #[test]
    fn names_folders_and_patterns_choose() {
        let all = choice(&[], &[], &["*.bin"]);
        assert!(all.keeps("a.txt") && !all.keeps("x/a.bin"));
        let some = choice(&["a.txt", "onnx/"], &["*.json"], &[]);
        assert!(some.keeps("a.txt") && some.keeps("onnx/m.onnx") && some.keeps("x/y.json"));
        assert!(!some.keeps("b.txt") && !some.keeps("onnx2/m.onnx"));
        assert_eq!(some.single(), None);
        assert_eq!(choice(&["a.txt"], &[], &[]).single(), Some("a.txt"));
        let named = choice(&["a.txt", "sub/"], &[], &["*.txt"]);
        assert!(named.keeps("a.txt") && named.keeps("sub/x.bin") && !named.keeps("sub/b.txt"));
    }

    #[test]
    fn a_name_with_brackets_is_that_file_where_there_is_one() {
        let files = listed(&["a[1].txt", "a1.txt"]);
        let exact = choice(&["a[1].txt"], &[], &[]);
        assert!(exact.keeps("a[1].txt") && !exact.keeps("a1.txt"));
        let mut either = choice(&[], &["a[1].txt"], &[]);
        either.settle(&files, &[]);
        assert_eq!(either.single(), Some("a[1].txt"));
        assert!(either.keeps("a[1].txt") && !either.keeps("a1.txt"));
        let mut pattern = choice(&[], &["a[1].txt"], &[]);
        pattern.settle(&files[1..], &[]);
        assert_eq!((pattern.single(), pattern.keeps("a1.txt")), (None, true));
    }

    #[test]
    fn what_is_not_there_is_told() {
        let files = listed(&["a.txt"]);
        for (names, either, missing) in [
            (&["a.txt", "b.txt"][..], &[][..], Some("b.txt")),
            (&["a.txt"], &["*.txt"], None),
            (&[], &["*.txt", "*.bin"], Some("*.bin")),
            (&["onnx/"], &[], Some("onnx/")),
        ] {
            let choice = choice(names, either, &[]);
            assert_eq!(choice.missing(&files, &[]), missing);
        }
    }
}
