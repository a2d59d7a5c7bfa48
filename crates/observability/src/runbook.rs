//! Runbook pages, read from Markdown: front matter, headings, code blocks, code spans, tables and links.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The headings of every page, in this order.
pub const HEADINGS: [&str; 10] = [
    "Meaning",
    "Impact",
    "First five minutes",
    "Diagnosis",
    "Mitigation",
    "Verification",
    "Escalation",
    "Threshold",
    "Prevention",
    "Links",
];

/// Keys of the front matter of every page.
pub const KEYS: [&str; 7] = ["alert", "severity", "service", "slo", "owner", "last_verified", "game_day"];

/// What is wrong with a page before its content can be looked at.
#[derive(Debug, thiserror::Error)]
pub enum RunbookError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The page or the folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The page does not begin with front matter.
    #[error("{0}: begins without front matter; put `key: value` lines between two lines of `---`")]
    NoFrontMatter(String),
    /// A line of the front matter is not `key: value`.
    #[error("{page}: front matter: {line:?} is not `key: value`")]
    FrontMatter {
        /// Name of the page.
        page: String,
        /// The line.
        line: String,
    },
}

/// One page.
#[derive(Clone, Debug, Default)]
pub struct Runbook {
    /// Name of the file without `.md`.
    pub name: String,
    /// Front matter.
    pub front: BTreeMap<String, String>,
    /// The heading of the first level.
    pub title: String,
    /// The sections, in order.
    pub sections: Vec<Section>,
    /// Fenced code blocks.
    pub blocks: Vec<Block>,
    /// Code within text.
    pub spans: Vec<String>,
    /// Links.
    pub links: Vec<Link>,
}

/// What stands under a heading of the second level.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Its text without markup.
    pub text: String,
    /// Numbered steps it has.
    pub steps: usize,
    /// Rows of its tables, without their heads.
    pub rows: usize,
}

/// A fenced code block.
#[derive(Clone, Debug)]
pub struct Block {
    /// What stands behind the fence: `promql`, `logql`, `sh`.
    pub language: String,
    /// The code.
    pub code: String,
}

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What it shows.
    pub text: String,
    /// Where it leads.
    pub target: String,
}

impl Runbook {
    /// Reads the page of that name.
    ///
    /// # Errors
    /// If its front matter is not as it should be.
    pub fn parse(name: &str, text: &str) -> Result<Self, RunbookError> {
        let (front, body) = text
            .strip_prefix("---\n")
            .and_then(|rest| rest.split_once("\n---\n"))
            .ok_or_else(|| RunbookError::NoFrontMatter(name.to_owned()))?;
        let mut page = Self { name: name.to_owned(), ..Self::default() };
        for line in front.lines() {
            let (key, value) = line
                .split_once(':')
                .ok_or_else(|| RunbookError::FrontMatter { page: name.to_owned(), line: line.to_owned() })?;
            page.front.insert(key.trim().to_owned(), value.trim().trim_matches('"').to_owned());
        }
        Reader::new(&mut page).read(body);
        Ok(page)
    }

    /// The code blocks in that language.
    pub fn code(&self, language: &str) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter(move |block| block.language == language).map(|block| block.code.as_str())
    }
}

/// All pages of a folder but its index, by name.
///
/// # Errors
/// If one cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Runbook>, RunbookError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| RunbookError::Unreadable { path, source }
    };
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|ending| ending == "md") && name != "README" {
            pages.push(Runbook::parse(&name, &fs::read_to_string(&path).map_err(unreadable(&path))?)?);
        }
    }
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(pages)
}

/// Where the reading of a page stands.
struct Reader<'page> {
    page: &'page mut Runbook,
    heading: Option<HeadingLevel>,
    block: Option<Block>,
    link: Option<Link>,
    /// Lists around the cursor; true for numbered ones.
    lists: Vec<bool>,
}

impl<'page> Reader<'page> {
    fn new(page: &'page mut Runbook) -> Self {
        Self { page, heading: None, block: None, link: None, lists: Vec::new() }
    }

    fn read(mut self, body: &str) {
        for event in Parser::new_ext(body, Options::ENABLE_TABLES) {
            match event {
                Event::Start(tag) => self.start(tag),
                Event::End(tag) => self.end(tag),
                Event::Text(text) => self.text(&text),
                Event::Code(code) => {
                    self.text(&code);
                    self.page.spans.push(code.into_string());
                }
                Event::SoftBreak | Event::HardBreak => self.text(" "),
                _ => {}
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.heading = Some(level);
                if level == HeadingLevel::H2 {
                    self.page.sections.push(Section::default());
                }
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(language)) => {
                self.block = Some(Block { language: language.into_string(), code: String::new() });
            }
            Tag::Link { dest_url, .. } => {
                self.link = Some(Link { text: String::new(), target: dest_url.into_string() });
            }
            Tag::List(first) => self.lists.push(first.is_some()),
            Tag::Item => {
                let step = self.lists.last() == Some(&true);
                self.section(|section| section.steps += usize::from(step));
            }
            Tag::TableRow => self.section(|section| section.rows += 1),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.heading = None,
            TagEnd::CodeBlock => self.page.blocks.extend(self.block.take()),
            TagEnd::Link => self.page.links.extend(self.link.take()),
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::Paragraph | TagEnd::TableCell | TagEnd::Item => self.text(" "),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(block) = &mut self.block {
            block.code.push_str(text);
            return;
        }
        if let Some(link) = &mut self.link {
            link.text.push_str(text);
        }
        match self.heading {
            Some(HeadingLevel::H1) => self.page.title.push_str(text),
            Some(HeadingLevel::H2) => self.section(|section| section.heading.push_str(text)),
            _ => self.section(|section| section.text.push_str(text)),
        }
    }

    fn section(&mut self, change: impl FnOnce(&mut Section)) {
        if let Some(section) = self.page.sections.last_mut() {
            change(section);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "---\nalert: A\nseverity: warning\n---\n# A\n\n## Meaning\nIt is `so`.\n\n## First five minutes\n\
        1. See [Panel](http://x/d/y).\n\n   ```promql\n   up == 0\n   ```\n\n2. Next.\n\n## Diagnosis\n| S | C |\n| - | - |\n| a | b |\n";

    #[test]
    fn a_page_is_read_into_its_parts() {
        let page = Runbook::parse("A", PAGE).expect("a page");
        assert_eq!((page.title.as_str(), page.front["severity"].as_str()), ("A", "warning"));
        let headings: Vec<_> = page.sections.iter().map(|section| section.heading.as_str()).collect();
        assert_eq!(headings, ["Meaning", "First five minutes", "Diagnosis"]);
        assert_eq!(page.sections[0].text.trim(), "It is so.");
        assert_eq!(page.spans, ["so"]);
        assert_eq!((page.sections[1].steps, page.sections[2].rows), (2, 1));
        assert_eq!(page.code("promql").collect::<Vec<_>>(), ["up == 0\n"]);
        assert_eq!(page.links, [Link { text: "Panel".to_owned(), target: "http://x/d/y".to_owned() }]);
    }

    #[test]
    fn a_page_without_front_matter_is_refused() {
        assert!(matches!(Runbook::parse("A", "# A"), Err(RunbookError::NoFrontMatter(_))));
        assert!(matches!(Runbook::parse("A", "---\nnothing\n---\n# A"), Err(RunbookError::FrontMatter { .. })));
    }
}
