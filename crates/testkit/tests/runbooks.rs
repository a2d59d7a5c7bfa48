//! Every command on a runbook page exists: the program, its subcommand and its flags, asked of the program itself; and
//! every address of ours that a page calls is served.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use observability::runbook::{self, Runbook};
use observability::shell::{self, Command as Call};

/// What needs no check: words of the shell, tools that every machine has, and git, which tells its flags in manual pages only.
const PLAIN: [&str; 20] = [
    "echo", "printf", "cd", "sleep", "date", "sort", "uniq", "head", "tail", "grep", "awk", "sed", "wc", "ls",
    "export", "kill", "du", "df", "ulimit", "git",
];

/// Programs of others that are asked about their flags, with the arguments that make them print all of them.
const OTHERS: [(&str, &[&str]); 7] = [
    ("curl", &["--help", "all"]),
    ("jq", &["--help"]),
    ("psql", &["--help"]),
    ("redis-cli", &["--help"]),
    ("amtool", &["--help-long"]),
    ("promtool", &["--help-long"]),
    ("rabbitmqctl", &["help"]),
];

/// Docker cannot be asked where it is not installed, so what pages may use of it stands here, as `docker compose` 2.40
/// lists it.
const COMPOSE: [(&str, &[&str]); 10] = [
    ("ps", &["-a", "--all", "--format", "-q"]),
    ("logs", &["-f", "--follow", "--since", "--tail", "-n", "--no-log-prefix", "--no-color", "--until"]),
    ("restart", &["-t", "--timeout", "--no-deps"]),
    ("up", &["-d", "--detach", "--wait", "--build", "--no-deps", "--scale", "--force-recreate"]),
    ("stop", &["-t", "--timeout"]),
    ("start", &[]),
    ("exec", &["-T", "-it", "-u", "--user", "-e"]),
    ("run", &["--rm", "-T", "--no-deps", "-e", "--entrypoint"]),
    ("kill", &["-s", "--signal"]),
    ("stats", &["--no-stream"]),
];

/// What is served at a port of ours by default, by the beginning of its paths.
const SERVED: [(&str, &[&str]); 6] = [
    ("8080", &["/ping", "/v1/", "/v2/", "/openapi.json", "/docs", "/.well-known/"]),
    (
        "908",
        &[chassis::paths::LIVEZ, chassis::paths::READYZ, "/metrics", chassis::paths::LOG_LEVEL, "/build", "/traces"],
    ),
    ("9090", &["/api/v1/", "/-/", "/metrics"]),
    ("9093", &["/api/v2/", "/-/", "/metrics"]),
    ("3000", &["/api/", "/d/", "/explore"]),
    ("16686", &["/api/", "/search", "/trace/"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every command, with the page it is on.
fn calls() -> Vec<(String, Call)> {
    let pages = runbook::read(&root().join("runbooks")).unwrap();
    let of = |page: Runbook| {
        let calls: Vec<_> = page.code("sh").flat_map(shell::commands).map(built).collect();
        calls.into_iter().map(move |call| (page.name.clone(), call))
    };
    pages.into_iter().flat_map(of).collect()
}

/// A call of what `make dev` has built, as a call of the program; of the gateway where the page names any service.
fn built(mut call: Call) -> Call {
    if let Some(program) = call.program.strip_prefix("./target/debug/") {
        call.program = program.replace("$service", "gateway");
    }
    call
}

/// A program of this workspace; these are built beside the tests.
fn own(program: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent()?.parent()?.join(program);
    path.is_file().then_some(path)
}

/// What a program prints, or nothing if it is not on this machine.
fn printed(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("LESS", "").output().ok()?;
    Some(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// What a program says of itself when asked about this call.
fn manual(call: &Call) -> Option<String> {
    let first = plain(call).next().filter(|word| !word.contains(['/', '.', '$'])).unwrap_or_default();
    if let Some(path) = own(&call.program) {
        let arguments = [first, "--help"];
        return printed(&path, &arguments[usize::from(first.is_empty())..]);
    }
    let (name, arguments) = OTHERS.iter().find(|(name, _)| *name == call.program)?;
    let arguments = match *name {
        "rabbitmqctl" => vec!["help", first],
        _ => arguments.to_vec(),
    };
    printed(Path::new(name), &arguments)
}

/// Whether `flag`, as given, is in the manual: `--long`, `-Go.style`, or letters after one dash.
fn has_flag(manual: &str, flag: &str) -> bool {
    let words: BTreeSet<&str> = manual.split(|c: char| c.is_whitespace() || ",|=[]<>()\"'`".contains(c)).collect();
    let flag = flag.split('=').next().unwrap_or(flag);
    let negated = flag.strip_prefix("--no-").or(flag.strip_prefix("--"));
    let letters =
        || flag[1..].chars().take_while(char::is_ascii_alphabetic).all(|c| words.contains(format!("-{c}").as_str()));
    words.contains(flag)
        || negated.is_some_and(|name| manual.contains(&format!("--[no-]{name}")))
        || (!flag.starts_with("--") && flag.len() > 1 && letters())
}

fn flags(call: &Call) -> impl Iterator<Item = &str> {
    let flags = call.arguments.iter().map(String::as_str).take_while(|word| *word != "--");
    flags.filter(|word| word.starts_with('-') && word.len() > 1 && !word[1..].starts_with(|c: char| c.is_ascii_digit()))
}

fn plain(call: &Call) -> impl Iterator<Item = &str> {
    call.arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-'))
}

fn services() -> BTreeSet<String> {
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text("compose.yaml")).unwrap();
    compose["services"].as_mapping().unwrap().keys().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What is wrong with a call of docker.
fn compose_problems(call: &Call, services: &BTreeSet<String>) -> Vec<String> {
    let words: Vec<&str> = plain(call).collect();
    let known = (words.first() == Some(&"compose"))
        .then(|| COMPOSE.iter().find(|(name, _)| words.get(1) == Some(name)))
        .flatten();
    let Some((name, allowed)) = known else {
        return vec![format!("docker {}: not a subcommand we know", words.join(" "))];
    };
    let inside = matches!(*name, "exec" | "run");
    let service = words.iter().skip(2).find(|word| services.contains(**word) || word.contains('$'));
    let mut problems: Vec<String> = Vec::new();
    if inside && service.is_none() {
        problems.push(format!("docker compose {name}: names no service of compose.yaml"));
    }
    if !inside {
        let options = |word: &&str| {
            word.contains('$')
                || word.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
                || word.ends_with(['m', 's', 'h'])
        };
        let wrong =
            words.iter().skip(2).filter(|word| !services.contains(**word) && !word.contains('=') && !options(word));
        problems.extend(wrong.map(|word| format!("docker compose {name} {word}: no such service in compose.yaml")));
        problems.extend(
            flags(call)
                .filter(|flag| !allowed.contains(flag))
                .map(|flag| format!("docker compose {name} {flag}: no such flag")),
        );
    }
    problems
}

fn make_problems(call: &Call, makefile: &str) -> Vec<String> {
    let targets = plain(call).filter(|word| !word.contains('='));
    let missing = targets.filter(|target| !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))));
    missing.map(|target| format!("make {target}: no such verb")).collect()
}

/// What is wrong with a call of a program that can be asked; and whether it could.
fn asked_problems(call: &Call, manuals: &mut BTreeMap<String, Option<String>>) -> (Vec<String>, bool) {
    let first = plain(call).next().unwrap_or_default().to_owned();
    let subcommand = own(&call.program).is_some() || call.program == "rabbitmqctl";
    let key = if subcommand { format!("{} {first}", call.program) } else { call.program.clone() };
    let Some(manual) = manuals.entry(key).or_insert_with(|| manual(call)) else { return (Vec::new(), false) };
    let mut problems: Vec<String> = Vec::new();
    if matches!(call.program.as_str(), "amtool" | "promtool") && !manual.contains(&format!("\n{first}")) {
        problems.push(format!("{} {first}: no such subcommand", call.program));
    }
    let unknown = flags(call).filter(|flag| !has_flag(manual, flag));
    problems.extend(unknown.map(|flag| format!("{} {flag}: no such flag", call.program)));
    (problems, true)
}

#[test]
fn every_command_exists_with_its_flags() {
    let (services, makefile, calls) = (services(), text("Makefile"), calls());
    let (mut manuals, mut problems, mut skipped) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    for (page, call) in &calls {
        let found = match call.program.as_str() {
            "docker" => compose_problems(call, &services),
            "make" => make_problems(call, &makefile),
            program if PLAIN.contains(&program) => Vec::new(),
            program if own(program).is_some() || OTHERS.iter().any(|(name, _)| *name == program) => {
                let (found, asked) = asked_problems(call, &mut manuals);
                skipped.extend((!asked).then_some(program));
                found
            }
            program => vec![format!("{program}: not a program that pages may ask for")],
        };
        problems.extend(found.into_iter().map(|problem| format!("runbooks/{page}.md: {problem}")));
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(calls.len() > 100, "only {} commands found", calls.len());
    backends::print_uncaptured(&format!("runbooks: {} commands, {} manuals asked", calls.len(), manuals.len()));
    for program in skipped {
        backends::print_uncaptured(&format!("skipped: flags of {program}, which is not installed"));
    }
}

#[test]
fn every_address_that_is_called_is_served() {
    let mut problems = Vec::new();
    for (page, call) in calls().into_iter().filter(|(_, call)| call.program == "curl") {
        for address in call.arguments.iter().filter_map(|word| word.split_once("://127.0.0.1:").map(|(_, rest)| rest)) {
            let (port, path) = address.find('/').map_or((address, "/"), |at| address.split_at(at));
            let served = SERVED.iter().find(|(known, _)| port.starts_with(known) || port.starts_with('$'));
            let fits = served
                .is_some_and(|(_, paths)| port.starts_with('$') || paths.iter().any(|known| path.starts_with(known)));
            if !fits {
                problems.push(format!("runbooks/{page}.md: nothing of ours serves {path} at port {port}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_wrong_flag_is_found() {
    let calls =
        shell::commands("curl --no-such-thing http://x; amtool nonsense; docker compose logs nobody; make nothing");
    let mut manuals = BTreeMap::new();
    assert_eq!(asked_problems(&calls[0], &mut manuals).0, ["curl --no-such-thing: no such flag"]);
    assert_eq!(asked_problems(&calls[1], &mut manuals).0, ["amtool nonsense: no such subcommand"]);
    assert_eq!(
        compose_problems(&calls[2], &services()),
        ["docker compose logs nobody: no such service in compose.yaml"]
    );
    assert_eq!(make_problems(&calls[3], &text("Makefile")), ["make nothing: no such verb"]);
}
