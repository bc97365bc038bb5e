//! Everything that is printed: data on stdout, words and progress on stderr.
//!
//! What is printed is made in the files below this one; here is only where it goes.

pub(crate) mod audit;
pub(crate) mod auth;
mod bars;
pub(crate) mod cache;
mod doctor;
mod human;
pub(crate) mod json;
mod layout;
mod lines;
pub(crate) mod log;
mod notices;
mod rate;
pub(crate) mod resume;
pub(crate) mod shim;
pub(crate) mod size;
mod sources;
pub(crate) mod stdout;
mod table;
mod terminal;
pub(crate) mod text;
mod told;

use std::io::{self, Write};
use std::time::Duration;

use hfast::Error;
use hfast::client::{DownloadRequest, Plan, Report};
use hfast::doctor::Report as Examined;
use hfast::sources::Survey;
use hfast::transfer::progress::{Event, Progress};
use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;

use crate::dialect::said;
use crate::dialect::words::{Voice, Words};
use crate::flags::{Format, OutputFlags, ProgressStyle};
use crate::interrupt::Signal;
use crate::settings::Settings;
use bars::Bars;
pub(crate) use json::Document;
use json::{ErrorJson, Insist, Line, Ticker};
use lines::Lines;
use notices::Notices;
use text::printable;

/// Where everything that is said goes through.
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    /// Notices are in the log already.
    logs_notices: bool,
    display: Display,
    notices: Notices,
    /// As `COLUMNS` has it.
    columns: Option<u16>,
    words: Words,
    /// Tables of the official tools are cut to the terminal.
    pub(crate) is_cut: bool,
}

/// The ways to show progress.
enum Display {
    Silent,
    /// Words alone: there are no numbers worth showing.
    Words,
    Bars(Box<Bars>),
    Lines(Lines),
    Json(Box<Ticker>),
}

impl Output {
    /// Before the settings are known: errors can be told, progress cannot be shown.
    pub(crate) fn new(flags: &OutputFlags, voice: Voice) -> Self {
        Self {
            format: flags.format(),
            quiet: flags.quiet || flags.format() == Format::Quiet,
            logs_notices: false,
            display: match flags.progress {
                Some(ProgressStyle::Json) => Display::Json(Box::default()),
                _ => Display::Silent,
            },
            notices: Notices::default(),
            columns: None,
            words: Words {
                voice,
                colour: true,
                columns: None,
            },
            is_cut: true,
        }
    }

    /// Chooses how progress is shown.
    pub(crate) fn configure(&mut self, settings: &Settings) {
        self.columns = settings.columns;
        self.words.colour = settings.colour;
        let drawable = Bars::possible();
        let bars = || Display::Bars(Box::new(Bars::new(settings)));
        // Each request in the log would push the display down many times a second.
        let calm = settings.log_level < LevelFilter::DEBUG;
        self.logs_notices = settings.log_level >= LevelFilter::INFO;
        self.display = match settings.progress {
            ProgressStyle::Bar if drawable => bars(),
            ProgressStyle::Auto if drawable && !settings.dumb_terminal && calm => bars(),
            ProgressStyle::Auto | ProgressStyle::Bar | ProgressStyle::Lines => {
                Display::Lines(Lines::new(settings.limit.clone()))
            }
            ProgressStyle::Json => Display::Json(Box::default()),
            ProgressStyle::None => Display::Silent,
        };
    }

    /// What the log must not write into.
    pub(crate) fn screen(&self) -> Option<MultiProgress> {
        match &self.display {
            Display::Bars(bars) => Some(bars.screen()),
            Display::Silent | Display::Words | Display::Lines(_) | Display::Json(_) => None,
        }
    }

    /// Each notice is a step of a job that has few of them.
    pub(crate) fn tell_each_step(&mut self) {
        self.notices.are_steps = true;
    }

    /// Only words are worth showing, and somebody may be asked something.
    pub(crate) fn show_no_numbers(&mut self) {
        if matches!(self.display, Display::Bars(_) | Display::Lines(_)) {
            self.display = Display::Words;
        }
    }

    /// Shows the numbers and the events since the last call.
    pub(crate) fn draw(&mut self, progress: &Progress) {
        let now = progress.snapshot();
        let events = progress.take_events();
        match &mut self.display {
            Display::Silent => return,
            Display::Words => {}
            Display::Json(ticker) => {
                for event in events {
                    print_json(&event.into());
                }
                ticker.line(&now, Insist::No).iter().for_each(print_json);
                return;
            }
            Display::Bars(bars) => bars.draw(&now),
            Display::Lines(lines) => lines.line(&now).iter().for_each(|line| print_line(line)),
        }
        let alone = now.files_total == 1;
        let worth_a_line = |event| match event {
            Event::FileDone { .. } => None,
            // The end of the program says it, and says it alone.
            Event::FileFailed { .. } if alone => None,
            Event::FileFailed { name, reason } => {
                let reason = human::without_name(&reason, &name);
                Some(format!("{name} failed: {reason}"))
            }
            Event::Notice(_) if self.logs_notices => None,
            Event::Notice(text) => Some(text),
        };
        let texts = events.into_iter().filter_map(worth_a_line).collect();
        for text in self.notices.admit(now.elapsed, texts) {
            self.say(&text);
        }
    }

    /// Takes the progress display away; what is printed next stays.
    pub(crate) fn end_display(&mut self, progress: &Progress) {
        self.draw(progress);
        match &mut self.display {
            Display::Silent | Display::Words | Display::Lines(_) => {}
            Display::Bars(bars) => bars.clear(),
            Display::Json(ticker) => {
                ticker
                    .line(&progress.snapshot(), Insist::Yes)
                    .iter()
                    .for_each(print_json);
            }
        }
    }

    /// A line for people that may be left out.
    pub(crate) fn remark(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// A line for people on stderr.
    pub(crate) fn say(&self, text: &str) {
        match &self.display {
            Display::Bars(bars) => bars.print(&printable(text)),
            Display::Silent | Display::Words | Display::Lines(_) => print_line(&printable(text)),
            Display::Json(_) => print_json(&Line::Notice {
                text: text.to_owned(),
            }),
        }
    }

    /// A line on stderr that is as it should be, colours and all.
    fn verbatim(&self, text: &str) {
        match &self.display {
            Display::Bars(bars) => bars.print(text),
            Display::Silent | Display::Words | Display::Lines(_) | Display::Json(_) => {
                print_line(text);
            }
        }
    }

    /// Tells why the command failed.
    pub(crate) fn error(&self, error: &Error) {
        match &self.display {
            Display::Json(_) => print_json(&Line::Error(ErrorJson::new(error))),
            Display::Silent | Display::Words | Display::Lines(_) | Display::Bars(_) => {
                match said::error(&self.words(), error) {
                    Some(lines) => print_lines(&lines),
                    None => error_to_people(error),
                }
            }
        }
    }

    /// Tells that the command was stopped and how to go on.
    pub(crate) fn stopped(&self, signal: Signal, resume: &str, keeps_files: bool) {
        let why = signal.word();
        let kept = if keeps_files {
            "complete files and parts of large ones are kept; "
        } else {
            ""
        };
        match &self.display {
            Display::Json(_) => print_json(&Line::Stopped {
                why,
                resume: resume.to_owned(),
            }),
            Display::Silent | Display::Words | Display::Lines(_) | Display::Bars(_) => {
                print_line(&format!("{why}: {kept}to go on: {resume}"));
            }
        }
    }

    /// Says again at the end which sources were left aside: their lines may be far up, or were not shown.
    pub(crate) fn left_aside(&self, progress: &Progress) {
        if !self.quiet && !matches!(self.display, Display::Json(_)) {
            for text in progress.left_aside() {
                self.say(&format!("note: {text}"));
            }
        }
    }

    /// Tells what a download did: words on stderr, the path on stdout if all files are there.
    pub(crate) fn report(&self, report: &Report, elapsed: Duration) -> Result<(), Error> {
        self.caveat(report.caveat.as_deref());
        if !matches!(self.display, Display::Json(_)) {
            print_lines(&human::missing_lines(report));
            if self.format == Format::Human && !self.quiet && report.failed.is_empty() {
                print_line(&human::summary(report, elapsed));
            }
        }
        if report.failed.is_empty()
            && let Some(said) = said::downloaded(&self.words(), &report.path.display().to_string())
        {
            return self.speak(&said);
        }
        match self.format {
            Format::Human | Format::Quiet if !report.failed.is_empty() => Ok(()),
            Format::Human | Format::Quiet => stdout::path(&report.path),
            Format::Json => Ok(()),
        }
    }

    /// The JSON documents of all reports and errors; one alone stands by itself.
    pub(crate) fn documents(&self, documents: &[Document]) -> Result<(), Error> {
        match (self.format, documents) {
            (Format::Human | Format::Quiet, _) => Ok(()),
            (Format::Json, [one]) => stdout::line(&json::to_text(one)),
            (Format::Json, many) => stdout::line(&json::to_text(&many)),
        }
    }

    /// Warns of what may be missing or old, also where little is said.
    fn caveat(&self, text: Option<&str>) {
        if let Some(text) = text {
            self.say(&format!("warning: {text}"));
        }
    }

    /// Shows a plan that is not carried out.
    pub(crate) fn dry_run(&self, plan: &Plan) -> Result<(), Error> {
        for line in human::refused_lines(&plan.refused) {
            self.say(&line);
        }
        self.caveat(plan.caveat());
        if let Some(said) = said::planned(&self.words(), plan) {
            return self.speak(&said);
        }
        match self.format {
            Format::Json => stdout::line(&json::to_text(&json::planned(plan))),
            Format::Human if !self.quiet => stdout::line(human::dry_run(plan).trim_end()),
            Format::Human | Format::Quiet => {
                let mut names: Vec<_> = plan.files.iter().map(|f| f.remote.path.as_str()).collect();
                names.sort_unstable();
                if names.is_empty() {
                    Ok(())
                } else {
                    stdout::line(&names.join("\n"))
                }
            }
        }
    }

    /// Tells what an examination found, on stdout: it is what was asked for.
    pub(crate) fn examination(&self, report: &Examined, exit_code: u8) -> Result<(), Error> {
        if self.format == Format::Json {
            let document = doctor::document(report, exit_code);
            return stdout::line(&json::to_text(&document));
        }
        let lines = doctor::lines(report, self.quiet);
        stdout::line(&lines.join("\n"))
    }

    /// Tells what lies on the disk, on stdout: it is what was asked for.
    pub(crate) fn audit(&self, outcome: &audit::Outcome<'_>, exit_code: u8) -> Result<(), Error> {
        if self.format == Format::Json {
            return stdout::line(&json::to_text(&outcome.document(exit_code)));
        }
        match outcome.lines(self.quiet) {
            lines if lines.is_empty() => Ok(()),
            lines => stdout::line(&lines.join("\n")),
        }
    }

    /// Tells what the sources have, on stdout: it is what was asked for.
    pub(crate) fn survey(
        &self,
        request: &DownloadRequest,
        survey: &Survey,
        exit_code: u8,
    ) -> Result<(), Error> {
        if self.format == Format::Json {
            let document = sources::document(request, survey, exit_code);
            return stdout::line(&json::to_text(&document));
        }
        let lines = sources::lines(request, survey, self.quiet);
        stdout::line(&lines.join("\n"))
    }

    /// The last line of the events.
    pub(crate) fn end(&self, exit_code: u8) {
        if matches!(self.display, Display::Json(_)) {
            print_json(&Line::End { exit_code });
        }
    }
}

/// Tells an error on stderr in at most three lines.
pub(crate) fn error_to_people(error: &Error) {
    print_lines(&human::error_lines(error));
}

fn print_lines(lines: &[String]) {
    for line in lines {
        print_line(line);
    }
}

/// Says a line on stderr, whatever else is shown there.
pub(crate) fn print_line(line: &str) {
    let written = writeln!(io::stderr().lock(), "{line}");
    // There is nowhere else to say that it failed.
    drop(written);
}

fn print_json(line: &Line) {
    print_line(&json::to_text(line));
}
