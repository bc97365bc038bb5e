//! Requests and settings that make no sense are refused in one sentence before anything is written.

mod support;

use support::Home;

/// Runs all of `table` in `home` and gives what each said: a few lines and the exit code for misuse.
fn refused(home: &Home, table: &[&[&str]]) -> String {
    let mut said = String::new();
    for &arguments in table {
        let run = home.run(arguments);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(run.stderr.lines().count() <= 3, "{}", run.stderr);
        let command = arguments.join(" ");
        let command = command.escape_debug().to_string();
        said.extend(["$ hfast ", &command, "\n", &run.stderr, "\n"]);
    }
    said
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table and what is said about it")]
fn nonsense_is_refused_before_anything_is_written() {
    let table: [&[&str]; 21] = [
        &["download", "a/b/c"],
        &["download", "org/na me"],
        &["download", "org/name", "--revision", "a..b"],
        &["download", "hf://org/name@v1", "--revision", "v2"],
        &[
            "download",
            "https://huggingface.co/datasets/org/name",
            "--type",
            "model",
        ],
        &["download", "org/name", "--type", "modell"],
        &["download", "org/name", "--include", ""],
        &["download", "org/name", "../secret"],
        &["download", "org/name", "--token", "a\nb"],
        &["download", "org/name", "--endpoint", "ftp://host"],
        &[
            "download",
            "org/name",
            "--endpoint",
            "https://user:geheim@host",
        ],
        &["get", "ftp://host/file"],
        &["get", "https://host/"],
        &["get", "https://host/file", "-O", "-"],
        &["get", "https://host/file", "-O", "folder/"],
        &["get", "https://host/a", "https://host/b", "-O", "c"],
        &["get", "https://host/a/x", "https://host/b/x"],
        &["get", "https://host/file", "--sha256", "abc"],
        &["get", "hf://org/name", "-O", "file"],
        &[
            "get",
            "https://huggingface.co/org/name/resolve/main/x",
            "--type",
            "dataset",
        ],
        &["get", "hf://org/name/a/../b"],
    ];
    let home = Home::new();
    let said = refused(&home, &table);
    assert_eq!(said.matches("geheim").count(), 1, "only as it was typed");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    snapshot!(said, @r#"
    $ hfast download a/b/c
    error: invalid repository id "a/b/c": it has more than one '/'
    hint: an id looks like org/name, for example openai-community/gpt2

    $ hfast download org/na me
    error: invalid repository id "org/na me": only letters, digits, '-', '_' and '.' are allowed
    hint: an id looks like org/name, for example openai-community/gpt2

    $ hfast download org/name --revision a..b
    error: invalid revision "a..b"
    hint: a revision is a branch, a tag, refs/pr/N or a 40-digit commit

    $ hfast download hf://org/name@v1 --revision v2
    error: the address names revision v1, but --revision says v2
    hint: leave out one of the two

    $ hfast download https://huggingface.co/datasets/org/name --type model
    error: org/name is a dataset, but a model was asked for
    hint: leave out the type, or name the repository without it

    $ hfast download org/name --type modell
    error: "modell" is not a repository type
    hint: use model, dataset or space

    $ hfast download org/name --include 
    error: a pattern for file names is empty
    hint: leave it out to keep everything, or write a pattern such as '*.json'

    $ hfast download org/name ../secret
    error: "../secret" cannot be the name of a file: it leaves its folder
    hint: write names as the repository has them, for example onnx/model.onnx

    $ hfast download org/name --token a\nb
    error: the access token has a character that no token has
    hint: copy it again from https://huggingface.co/settings/tokens

    $ hfast download org/name --endpoint ftp://host
    error: "ftp://host" is not an endpoint: its scheme is not http or https
    hint: an endpoint looks like https://huggingface.co, perhaps with a path behind it

    $ hfast download org/name --endpoint https://user:geheim@host
    error: "https://host" is not an endpoint: it must not hold a user name or password
    hint: an endpoint looks like https://huggingface.co, perhaps with a path behind it

    $ hfast get ftp://host/file
    error: "ftp://host/file" cannot be fetched: its scheme is not http or https
    hint: give org/name, hf://org/name, or an http or https address

    $ hfast get https://host/
    error: the address does not end in the name of a file
    hint: say how to name it with --output FILE

    $ hfast get https://host/file -O -
    error: writing to standard output is not supported: a file can only be checked as a whole
    hint: write it to a file, and then print that

    $ hfast get https://host/file -O folder/
    error: --output "folder/" is a folder
    hint: name a file, or use --directory-prefix

    $ hfast get https://host/a https://host/b -O c
    error: --output and --sha256 go with one URL only
    hint: fetch them one by one

    $ hfast get https://host/a/x https://host/b/x
    error: two of the addresses would be written to x
    hint: fetch one of them with --output or --directory-prefix

    $ hfast get https://host/file --sha256 abc
    error: --sha256 is not 64 hexadecimal digits
    hint: copy it again from where the file is described

    $ hfast get hf://org/name -O file
    error: org/name is more than one file
    hint: --output and --sha256 are for single files; --directory-prefix names a folder

    $ hfast get https://huggingface.co/org/name/resolve/main/x --type dataset
    error: org/name is a model, but a dataset was asked for
    hint: leave out --repo-type: the address says it

    $ hfast get hf://org/name/a/../b
    error: "a/../b" cannot be the name of a file: it leaves its folder
    hint: write names as the repository has them, for example onnx/model.onnx
    "#);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table and what is said about it")]
fn the_command_line_itself_is_refused_in_the_same_way() {
    let table: [&[&str]; 17] = [
        &["cache"],
        &["download"],
        &["downlaod", "x"],
        &["help", "me"],
        &["--revision", "x"],
        &["download", "x", "--revison", "v1"],
        &["download", "x", "-z"],
        &["download", "x", "--token"],
        &["download", "x", "--quiet=3"],
        &["download", "x", "--revision", "a", "--revision", "b"],
        &["download", "x", "--local-dir", "a", "--cache-dir", "b"],
        &["download", "x", "-x", "0"],
        &[
            "download",
            "x",
            "--max-workers",
            "a\nb\n\nc\x1b[2Jd\ntip: e",
        ],
        &["download", "x", "--format", "xml"],
        &["download", "x", "--json", "--format", "human"],
        &["get"],
        &["completions", "fsh"],
    ];
    let said = refused(&Home::new(), &table);
    snapshot!(said, @r"
    $ hfast cache
    error: `hfast cache` needs one of its commands: ls, rm, prune, verify
    hint: `hfast cache --help` explains the command line

    $ hfast download
    error: the following required arguments were not provided: <REPO>
    hint: `hfast download --help` explains the command line

    $ hfast downlaod x
    error: unrecognized subcommand 'downlaod'
    hint: a similar subcommand exists: 'download'; `hfast --help` explains the command line

    $ hfast help me
    error: unrecognized subcommand 'me'
    hint: `hfast --help` explains the command line

    $ hfast --revision x
    error: unexpected argument '--revision' found
    hint: a similar argument exists: '--version'; `hfast --help` explains the command line

    $ hfast download x --revison v1
    error: unexpected argument '--revison' found
    hint: a similar argument exists: '--revision'; `hfast download --help` explains the command line

    $ hfast download x -z
    error: unexpected argument '-z' found
    hint: `hfast download --help` explains the command line

    $ hfast download x --token
    error: a value is required for '--token <TOKEN>' but none was supplied
    hint: `hfast download --help` explains the command line

    $ hfast download x --quiet=3
    error: unexpected value '3' for '--quiet' found; no more were expected
    hint: `hfast download --help` explains the command line

    $ hfast download x --revision a --revision b
    error: the argument '--revision <REVISION>' cannot be used multiple times
    hint: `hfast download --help` explains the command line

    $ hfast download x --local-dir a --cache-dir b
    error: the argument '--local-dir <DIR>' cannot be used with '--cache-dir <DIR>'
    hint: `hfast download --help` explains the command line

    $ hfast download x -x 0
    error: invalid value '0' for '--max-connections <N>': 0 is not in 1..=256
    hint: `hfast download --help` explains the command line

    $ hfast download x --max-workers a\nb\n\nc\u{1b}[2Jd\ntip: e
    error: invalid value 'a b
    hint: `hfast download --help` explains the command line

    $ hfast download x --format xml
    error: invalid value 'xml' for '--format <FORMAT>' [possible values: human, json, quiet]
    hint: `hfast download --help` explains the command line

    $ hfast download x --json --format human
    error: the argument '--json' cannot be used with '--format <FORMAT>'
    hint: `hfast download --help` explains the command line

    $ hfast get
    error: the following required arguments were not provided: <URL>...
    hint: `hfast get --help` explains the command line

    $ hfast completions fsh
    error: invalid value 'fsh' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]
    hint: a similar value exists: 'fish'; `hfast completions --help` explains the command line
    ");
}

#[test]
fn an_error_is_a_document_too() {
    snapshot!(Home::new().run(&["download", "a/b/c", "--json"]).all(), @r#"
    exit 2
    --- stdout
    {"error":{"kind":"usage","message":"invalid repository id \"a/b/c\": it has more than one '/'","hint":"an id looks like org/name, for example openai-community/gpt2","exit_code":2}}
    --- stderr
    error: invalid repository id "a/b/c": it has more than one '/'
    hint: an id looks like org/name, for example openai-community/gpt2
    "#);
}

#[test]
fn a_settings_file_with_a_mistake_is_refused() {
    let mut said = String::new();
    for text in [
        "endpoint = 'https://a'",
        "max-connections = 0",
        "progress = 'loud'",
        "endpoints = ['ftp://a']",
        "endpoints = [",
    ] {
        let home = Home::new();
        home.write(".config/hfast/config.toml", text);
        let run = home.run(&["download", "org/name"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{text}");
        said += &run.stderr;
    }
    snapshot!(said, @r#"
    error: cannot use the settings file [HOME]/.config/hfast/config.toml: line 1: unknown field `endpoint`, expected one of `endpoints`, `sources`, `max-connections`, `max-workers`, `limit-rate`, `progress`
    hint: its keys are endpoints, sources, max-connections, max-workers, limit-rate and progress
    error: cannot use the settings file [HOME]/.config/hfast/config.toml: line 1: max-connections: 0 is not in 1 to 256
    hint: its keys are endpoints, sources, max-connections, max-workers, limit-rate and progress
    error: cannot use the settings file [HOME]/.config/hfast/config.toml: line 1: progress: unknown variant `loud`, expected one of `auto`, `bar`, `lines`, `json`, `none`
    hint: its keys are endpoints, sources, max-connections, max-workers, limit-rate and progress
    error: in the settings file: "ftp://a" is not an endpoint: its scheme is not http or https
    hint: an endpoint looks like https://huggingface.co, perhaps with a path behind it
    error: cannot use the settings file [HOME]/.config/hfast/config.toml: line 1: endpoints: unclosed array, expected `]`
    hint: its keys are endpoints, sources, max-connections, max-workers, limit-rate and progress
    "#);
}

#[test]
fn a_settings_file_that_is_named_must_be_there() {
    let home = Home::new().with("HFAST_CONFIG", "/nowhere.toml");
    snapshot!(home.run(&["download", "org/name"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: there is no settings file /nowhere.toml
    hint: HFAST_CONFIG names it: correct or unset that variable
    ");
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    let home = Home::new().with("HF_TOKEN", "hf a");
    snapshot!(home.run(&["download", "org/name"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: HF_TOKEN: the access token has a character that no token has
    hint: copy it again from https://huggingface.co/settings/tokens
    ");
}
