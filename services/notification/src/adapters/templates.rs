//! Mails from templates: a text and an HTML one for each kind, compiled in. The text template begins with the line
//! `Subject: …`. HTML escapes what it is given; a variable that is missing is an error and not a gap.

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::domain::{Claim, Kind, Letter, Recipient, SingleLine, Variables};

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

const FILES: [(&str, &str); 14] = files!(
    "layout.txt",
    "layout.html",
    "welcome.txt",
    "welcome.html",
    "role_changed.txt",
    "role_changed.html",
    "session_revoked.txt",
    "session_revoked.html",
    "product_created.txt",
    "product_created.html",
    "product_updated.txt",
    "product_updated.html",
    "product_deleted.txt",
    "product_deleted.html"
);

/// How the subject is marked in a text template.
const SUBJECT: &str = "Subject: ";

/// A template is wrong or was not given what it needs.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The engine's complaint. It tells names of variables and never their values.
    #[error("template: {0}")]
    Engine(#[from] minijinja::Error),
    /// A text template does not begin with its subject.
    #[error("template: `{0}.txt` does not begin with `Subject: `")]
    Subject(&'static str),
}

/// All templates, ready to render.
pub struct Templates {
    engine: Environment<'static>,
    shop: SingleLine,
}

impl Templates {
    /// The templates of a shop of that name.
    ///
    /// # Errors
    /// If one is not well-formed, which is a bug.
    pub fn new(shop: SingleLine) -> Result<Self, TemplateError> {
        // Empty: nothing but the templates themselves and their variables.
        let mut engine = Environment::empty();
        engine.set_auto_escape_callback(|name| {
            if name.ends_with(".html") { minijinja::AutoEscape::Html } else { minijinja::AutoEscape::None }
        });
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in FILES {
            engine.add_template(name, text)?;
        }
        Ok(Self { engine, shop })
    }

    /// The mail of a claim to its recipient.
    ///
    /// # Errors
    /// If a variable is missing.
    pub fn compose(&self, claim: &Claim, to: &Recipient) -> Result<Letter, TemplateError> {
        let (subject, text) = self.text(claim.kind, &claim.variables, &to.name)?;
        let html = self.render(claim.kind, "html", self.values(&claim.variables, &to.name, &subject))?;
        Ok(Letter { id: claim.id, to: to.clone(), subject, text, html, date: claim.queued_at })
    }

    fn text(&self, kind: Kind, variables: &Variables, name: &SingleLine) -> Result<(String, String), TemplateError> {
        let rendered = self.render(kind, "txt", self.values(variables, name, ""))?;
        let parts = rendered.strip_prefix(SUBJECT).and_then(|rest| rest.split_once("\n\n"));
        let (subject, body) = parts.ok_or(TemplateError::Subject(kind.as_str()))?;
        Ok((subject.to_owned(), body.to_owned()))
    }

    fn render(&self, kind: Kind, ending: &str, values: Value) -> Result<String, TemplateError> {
        Ok(self.engine.get_template(&format!("{}.{ending}", kind.as_str()))?.render(values)?)
    }

    fn values(&self, variables: &Variables, name: &SingleLine, subject: &str) -> Value {
        let mut values = variables.clone();
        for (key, value) in [("shop", self.shop.as_str()), ("name", name.as_str()), ("subject", subject)] {
            values.insert(key.to_owned(), value.to_owned());
        }
        Value::from(values)
    }
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
