//! What `hfast` says about itself.

mod support;

use support::Home;

fn help(arguments: &[&str]) -> String {
    let run = Home::new().with("COLUMNS", "100").run(arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn alone_it_prints_its_help() {
    let text = help(&[]);
    assert_eq!(text, help(&["-h"]));
    snapshot!(text, @r"
    Download Hugging Face repositories over bad networks: resumed, verified, into the official cache

    Usage: hfast [COMMAND]

    Commands:
      download     Download a repository or some of its files
      get          Fetch files from the Hub, a mirror or any other web address, like `wget -c`
      sources      Show what each source of a repository has and how fast it is, in at most 20 seconds
      doctor       Find out what keeps downloads from working, in at most 20 seconds
      auth         Keep, list, switch and forget access tokens; ask whose one is
      cache        List, verify, repair and delete what was downloaded
      shim         Stand for hf and huggingface-cli: links by their names
      completions  Print the completion script of a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Examples:
      hfast download openai-community/gpt2
      hfast get https://huggingface.co/openai-community/gpt2/resolve/main/config.json
      hfast help download

    `hfast --help` lists the exit codes and the settings.
    ");
}

#[test]
fn the_long_help_lists_settings_and_exit_codes() {
    let text = help(&["--help"]);
    assert_eq!(text, help(&["help"]));
    snapshot!(text, @r"
    Download Hugging Face repositories over bad networks: resumed, verified, into the official cache

    Usage: hfast [COMMAND]

    Commands:
      download     Download a repository or some of its files
      get          Fetch files from the Hub, a mirror or any other web address, like `wget -c`
      sources      Show what each source of a repository has and how fast it is, in at most 20 seconds
      doctor       Find out what keeps downloads from working, in at most 20 seconds
      auth         Keep, list, switch and forget access tokens; ask whose one is
      cache        List, verify, repair and delete what was downloaded
      shim         Stand for hf and huggingface-cli: links by their names
      completions  Print the completion script of a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Examples:
      hfast download openai-community/gpt2
      hfast get https://huggingface.co/openai-community/gpt2/resolve/main/config.json
      hfast help download

    Settings, the first that is found wins:
      flags            --endpoint, --token, --max-connections, --limit-rate, …
      variables        HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HTTPS_PROXY,
                       HFAST_LIMIT_RATE, …
      file             $XDG_CONFIG_HOME/hfast/config.toml or ~/.config/hfast/config.toml, or the file
                       that HFAST_CONFIG names; its keys: endpoints, sources, max-connections,
                       max-workers, limit-rate, progress

    Exit codes:
        0  success
        2  the command line or a setting makes no sense
        3  repository, revision or file not found
        4  access denied: a token or an approval is needed
        5  the server asked for a long pause
        6  no server could be reached
        7  a server answered nonsense
        8  the bytes are not those that were promised
        9  the disk refused
       11  some files were refused by name, everything else is there
      130  interrupted (143: terminated)
    When some files of many failed, the code is that of the first one.
    ");
}

#[test]
fn download_explains_itself() {
    snapshot!(help(&["help", "download"]), @r"
    Download a repository or some of its files

    Usage: hfast download [OPTIONS] <REPO> [FILE]...

    Arguments:
      <REPO>     org/name, datasets/org/name, hf://… or a web address
      [FILE]...  Files or, with a '/' at the end, folders; none means all

    Options:
          --repo-type <TYPE>     What REPO is: model, dataset or space [default: model] [alias: --type]
          --revision <REVISION>  Branch, tag, refs/pr/N or commit [default: main]
          --include <GLOB>...    Only files that match one of these patterns; repeatable
          --exclude <GLOB>...    No files that match one of these patterns; repeatable
          --cache-dir <DIR>      Keep the files in this cache instead of the official one
          --local-dir <DIR>      Put the files into this folder under their own names
          --force-download       Fetch again what is already there
          --dry-run              Show what would be downloaded, and write nothing
          --source <SOURCE>      Take bytes also from here: a mirror's URL, modelscope[:ORG/NAME] or a
                                 folder; repeatable
          --max-workers <N>      Large files at once [default: 8]
      -h, --help                 Print help

    Network:
          --token <TOKEN>        Access token; the variable HF_TOKEN is safer: others can see command
                                 lines
          --endpoint <URL>       Server to ask; may be repeated, the most wanted first
          --mirror               Ask https://hf-mirror.com first
      -x, --max-connections <N>  Use N connections, over all files [default: as many as pay]
          --limit-rate <RATE>    Bytes per second for all hfast processes of this user, as 2M; by the
                                 clock: 2M,23:00-07:00=full

    Output:
      -q, --quiet             Print nothing but the path, warnings and errors
          --format <FORMAT>   What stdout gets: human (the path), json (one document) or quiet [default:
                              human]
          --json              Short for --format json
          --progress <STYLE>  Progress on stderr: auto, bar, lines, json or none [default: auto]
      -v, --verbose...        Log to stderr what happens; twice for each request, three times for
                              everything

    Examples:
      hfast download openai-community/gpt2
      hfast download openai-community/gpt2 config.json onnx/
      hfast download datasets/rajpurkar/squad --revision refs/convert/parquet
      hfast download org/name --include '*.safetensors' '*.json' --exclude 'old/*'
      hfast download org/name --local-dir ./name --mirror
      hfast download org/name --dry-run

    The path is printed on stdout, everything else on stderr. Whatever stops a download, the same
    command goes on where it stopped.
    ");
}

#[test]
fn get_explains_itself() {
    snapshot!(help(&["get", "--help"]), @r"
    Fetch files from the Hub, a mirror or any other web address, like `wget -c`

    Usage: hfast get [OPTIONS] <URL>...

    Arguments:
      <URL>...  Addresses of the Hub or a mirror, hf://…, or any other http(s) addresses

    Options:
      -O, --output <FILE>           Name of the file to write (with one URL only)
      -P, --directory-prefix <DIR>  Folder to write into instead of the current one
          --repo-type <TYPE>        What URL means: model, dataset or space, where it does not say so
                                    itself [alias: --type]
          --sha256 <HEX>            SHA-256 that the file must have, in hexadecimal (with one URL only)
      -h, --help                    Print help

    Network:
          --token <TOKEN>        Access token; the variable HF_TOKEN is safer: others can see command
                                 lines
          --endpoint <URL>       Server to ask; may be repeated, the most wanted first
          --mirror               Ask https://hf-mirror.com first
      -x, --max-connections <N>  Use N connections, over all files [default: as many as pay]
          --limit-rate <RATE>    Bytes per second for all hfast processes of this user, as 2M; by the
                                 clock: 2M,23:00-07:00=full

    Output:
      -q, --quiet             Print nothing but the path, warnings and errors
          --format <FORMAT>   What stdout gets: human (the path), json (one document) or quiet [default:
                              human]
          --json              Short for --format json
          --progress <STYLE>  Progress on stderr: auto, bar, lines, json or none [default: auto]
      -v, --verbose...        Log to stderr what happens; twice for each request, three times for
                              everything

    Examples:
      hfast get https://huggingface.co/org/name/resolve/main/model.safetensors
      hfast get https://huggingface.co/org/name/tree/main -P models
      hfast get hf://datasets/org/name/data.csv --mirror
      hfast get https://example.org/big.iso -O image.iso --sha256 9f86d081884c7d65…

    A file goes into the current folder under its own name, a repository into a folder with its name.
    Whatever stops it, the same command goes on where it stopped.
    ");
}

#[test]
fn doctor_explains_itself() {
    snapshot!(help(&["help", "doctor"]), @r"
    Find out what keeps downloads from working, in at most 20 seconds

    Usage: hfast doctor [OPTIONS] [REPO]

    Arguments:
      [REPO]  A repository to try: org/name, datasets/org/name, hf://… or a web address

    Options:
          --repo-type <TYPE>     What REPO is: model, dataset or space [default: model] [alias: --type]
          --revision <REVISION>  Branch, tag, refs/pr/N or commit [default: main]
          --cache-dir <DIR>      Try this cache instead of the official one
          --local-dir <DIR>      Try this folder instead of the cache
      -h, --help                 Print help

    Network:
          --token <TOKEN>        Access token; the variable HF_TOKEN is safer: others can see command
                                 lines
          --endpoint <URL>       Server to ask; may be repeated, the most wanted first
          --mirror               Ask https://hf-mirror.com first
      -x, --max-connections <N>  Use N connections, over all files [default: as many as pay]
          --limit-rate <RATE>    Bytes per second for all hfast processes of this user, as 2M; by the
                                 clock: 2M,23:00-07:00=full

    Output:
      -q, --quiet             Print only what is wrong, what changes it, and the result
          --format <FORMAT>   What stdout gets: human (a line for each check), json (one document) or
                              quiet (as -q) [default: human]
          --json              Short for --format json
          --progress <STYLE>  Progress on stderr: auto, bar, lines, json or none [default: auto]
      -v, --verbose...        Log to stderr what happens; twice for each request, three times for
                              everything

    Examples:
      hfast doctor
      hfast doctor org/name
      hfast doctor --mirror
      hfast doctor org/name --json > report.json

    It looks at the proxy, names, connections, the clock, TLS, the endpoints, the token, the way of the
    bytes and the disk, with the settings that a download has, and says which flag, variable or line
    changes what is wrong. Without REPO it tries openai-community/gpt2. The report is on stdout; no
    token, password or signed address is in it. The exit code is that of the failure that a download
    would meet, or 0.
    ");
}

#[test]
fn what_prints_no_path_does_not_speak_of_one() {
    for (words, quiet, human) in [
        (
            &["help", "doctor"][..],
            "only what is wrong",
            "a line for each check",
        ),
        (&["help", "sources"], "the table alone", "a table"),
        (
            &["help", "cache", "verify"],
            "only what is damaged or missing",
            "what was found",
        ),
    ] {
        let text = help(words);
        assert!(!text.contains("the path"), "{text}");
        assert!(text.contains(quiet) && text.contains(human), "{text}");
    }
}

#[test]
fn the_version_is_one_line() {
    assert_eq!(
        help(&["--version"]),
        format!("hfast {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = help(&["completions", shell]);
        assert!(
            script.contains("hfast") && script.contains("local-dir"),
            "{shell}"
        );
    }
}

/// The ways in which the program says something about itself.
const EXPLANATIONS: [&[&str]; 7] = [
    &[],
    &["-h"],
    &["--help"],
    &["--version"],
    &["help", "download"],
    &["help", "doctor"],
    &["completions", "bash"],
];

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_an_error() {
    for arguments in EXPLANATIONS {
        let home = Home::new();
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = home.command(arguments).stdout(full.unwrap()).output();
        let run = home.done(&output.unwrap());
        let said = "error: cannot write to standard output\ncause: No space left on device\n";
        assert_eq!((run.code, run.stderr.as_str()), (Some(9), said));
    }
}

#[test]
fn a_reader_that_has_gone_away_has_what_it_wanted() {
    for arguments in EXPLANATIONS {
        let home = Home::new();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(arguments).stdout(writer).output();
        let run = home.done(&output.unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    }
}
