//! The commands in a shell script, found well enough to check which programs and flags a page asks people to use.
//! Known are quotes, comments, continued lines, pipes, lists, redirections, substitutions and the words of loops.

/// One command: a program and what it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The first word.
    pub program: String,
    /// The other words, without quotes.
    pub arguments: Vec<String>,
}

/// Words after which a command begins.
const BEFORE_A_COMMAND: [&str; 10] = ["do", "then", "else", "if", "elif", "while", "until", "!", "time", "{"];

/// Words that end a block; what stands behind them is no command.
const NO_COMMAND: [&str; 6] = ["for", "done", "fi", "}", "in", "esac"];

/// The commands of `script`, those in `$(…)` included, in the order in which they end.
#[must_use]
pub fn commands(script: &str) -> Vec<Command> {
    let mut lexer = Lexer { text: script.chars().collect(), at: 0, found: Vec::new() };
    lexer.list(None);
    lexer.found
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    found: Vec<Command>,
}

impl Lexer {
    /// Reads commands until `end`, or the end of the script.
    fn list(&mut self, end: Option<char>) {
        let mut words = Vec::new();
        while let Some(c) = self.peek() {
            if Some(c) == end {
                self.at += 1;
                break;
            }
            match c {
                '\n' | ';' | '|' | '&' | '(' | ')' => {
                    self.at += 1;
                    self.finish(&mut words);
                }
                '\\' if self.text.get(self.at + 1) == Some(&'\n') => self.at += 2,
                '#' => self.skip_line(),
                '<' | '>' => self.redirection(&mut words),
                c if c.is_whitespace() => self.at += 1,
                _ => words.push(self.word(end)),
            }
        }
        self.finish(&mut words);
    }

    fn finish(&mut self, words: &mut Vec<String>) {
        let mut words = std::mem::take(words).into_iter().peekable();
        while words.next_if(|word| BEFORE_A_COMMAND.contains(&word.as_str()) || is_assignment(word)).is_some() {}
        let Some(program) = words.next() else { return };
        if !NO_COMMAND.contains(&program.as_str()) {
            self.found.push(Command { program, arguments: words.collect() });
        }
    }

    fn word(&mut self, end: Option<char>) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || ";|&()<>".contains(c) || Some(c) == end {
                break;
            }
            self.at += 1;
            match c {
                '\'' => self.quoted(&mut word),
                '"' => self.double_quoted(&mut word),
                '$' if self.peek() == Some('(') => self.substitution(&mut word),
                '\\' => word.extend(self.next().filter(|c| *c != '\n')),
                c => word.push(c),
            }
        }
        word
    }

    fn quoted(&mut self, word: &mut String) {
        while let Some(c) = self.next().filter(|c| *c != '\'') {
            word.push(c);
        }
    }

    fn double_quoted(&mut self, word: &mut String) {
        while let Some(c) = self.next().filter(|c| *c != '"') {
            match c {
                '$' if self.peek() == Some('(') => self.substitution(word),
                '\\' => word.extend(self.next()),
                c => word.push(c),
            }
        }
    }

    fn substitution(&mut self, word: &mut String) {
        self.at += 1;
        self.list(Some(')'));
        word.push_str("$()");
    }

    /// `> file`, `2>&1`, `< file`: neither the number nor the target belongs to a command.
    fn redirection(&mut self, words: &mut Vec<String>) {
        let after_a_digit = self.at > 0 && self.text[self.at - 1].is_ascii_digit();
        if after_a_digit && words.last().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
            words.pop();
        }
        while self.peek().is_some_and(|c| "<>&".contains(c)) {
            self.at += 1;
        }
        while self.peek().is_some_and(|c| c == ' ') {
            self.at += 1;
        }
        self.word(None);
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(script: &str) -> Vec<String> {
        let join = |command: Command| format!("{} {}", command.program, command.arguments.join(" ")).trim().to_owned();
        commands(script).into_iter().map(join).collect()
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        for (script, expected) in [
            ("curl -s http://a/b | jq '.x | .y'", vec!["curl -s http://a/b", "jq .x | .y"]),
            ("a=1\nb \"$a\" && c; d", vec!["b $a", "c", "d"]),
            ("curl -s \\\n  -X POST  # why\n", vec!["curl -s -X POST"]),
            ("x=$(curl -s \"$url\")\necho \"got $(date +%s)\"", vec!["curl -s $url", "date +%s", "echo got $()"]),
            ("for p in 1 2; do curl -s :$p > /dev/null 2>&1; done", vec!["curl -s :$p"]),
            ("while ! curl -f x; do sleep 1; done", vec!["curl -f x", "sleep 1"]),
            ("psql -c 'SELECT 1 # not a comment; x'", vec!["psql -c SELECT 1 # not a comment; x"]),
        ] {
            assert_eq!(shown(script), expected, "{script}");
        }
    }
}
