//! As much of Rust as it takes to see what a file imports: comments and literals dropped, words and
//! punctuation kept, and how deep in the module tree each word stands.

/// A file as a row of words and signs, each with the module depth at which it stands.
pub(super) struct Source {
    module: String,
    tokens: Vec<Token>,
}

struct Token {
    text: String,
    /// How many `super`s lead from here to the crate's root.
    depth: usize,
}

impl Source {
    /// Reads a file whose path begins with `src/`.
    pub(super) fn read(path: &str, text: &str) -> Self {
        let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<_> = inner.split('/').collect();
        if parts.len() > 1 && parts.last() == Some(&"mod") {
            parts.pop();
        }
        let at_root = matches!(parts[..], ["lib" | "main"]);
        let depth = if at_root { 0 } else { parts.len() };
        Self { module: parts[0].to_owned(), tokens: with_depth(words(text), depth) }
    }

    /// The top-level module that the file belongs to.
    pub(super) fn module(&self) -> &str {
        &self.module
    }

    /// The top-level modules that it names.
    pub(super) fn edges(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let starts = !matches!(self.text(at.wrapping_sub(1)), "::" | ".")
                || self.text(at.wrapping_sub(2)) == "use";
            match token.text.as_str() {
                "crate" if self.text(at + 1) == "as" => {
                    out.push("(all of the crate, under another name)".to_owned());
                }
                "crate" if starts => self.below_root(at + 1, &mut out),
                "quittance" if starts => self.below_root(at + 1, &mut out),
                "super" if starts => self.above(at, token.depth, &mut out),
                _ => {}
            }
        }
        out
    }

    /// Follows a path of `super`s, and each branch of a group in it, up to the root.
    fn above(&self, mut at: usize, mut depth: usize, out: &mut Vec<String>) {
        while self.text(at) == "super" {
            depth = depth.saturating_sub(1);
            at += 1;
            if depth == 0 {
                return self.below_root(at, out);
            }
            if self.text(at) != "::" {
                return;
            }
            at += 1;
        }
        if self.text(at) == "{" {
            for start in self.group(at) {
                if self.text(start) == "super" {
                    self.above(start, depth, out);
                }
            }
        }
    }

    /// Collects what stands below the root: one name, or the first names of a group.
    fn below_root(&self, at: usize, out: &mut Vec<String>) {
        if self.text(at) != "::" {
            return;
        }
        let starts = if self.text(at + 1) == "{" { self.group(at + 1) } else { vec![at + 1] };
        for start in starts {
            match self.text(start) {
                "self" | "" => {}
                "*" => out.push("(all of the crate)".to_owned()),
                name => out.push(name.to_owned()),
            }
        }
    }

    /// Where the members of the group begin whose `{` stands here.
    fn group(&self, open: usize) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut level = 0_usize;
        for at in open..self.tokens.len() {
            match self.text(at) {
                "{" => level += 1,
                "}" => level -= 1,
                _ => {}
            }
            if level == 0 {
                break;
            }
            if level == 1 && matches!(self.text(at), "{" | ",") && self.text(at + 1) != "}" {
                starts.push(at + 1);
            }
        }
        starts
    }

    /// Whether it names this crate: as the head of a path, in a `use`, or in an `extern crate`.
    pub(super) fn names_crate(&self, name: &str) -> bool {
        let places: Vec<_> = (0..self.tokens.len()).filter(|at| self.text(*at) == name).collect();
        // A module of that name, declared here, hides the crate.
        if places.iter().any(|at| self.text(at.wrapping_sub(1)) == "mod") {
            return false;
        }
        places.into_iter().any(|at| {
            let before = self.text(at.wrapping_sub(1));
            let in_use = matches!(before, "use" | "crate") && !matches!(before, "::");
            // `::name::` is the crate too; `module::name::` and `value.name` are not.
            let head = match before {
                "::" => {
                    !is_word(self.text(at.wrapping_sub(2)))
                        || self.text(at.wrapping_sub(2)) == "use"
                }
                "." => false,
                _ => true,
            };
            in_use || (head && self.text(at + 1) == "::")
        })
    }

    /// Whether this word stands anywhere outside comments and literals.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.text == word)
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Adds the depth: that of the file, plus one for each `mod name { ... }` around the word.
fn with_depth(words: Vec<String>, file: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut braces = 0_usize;
    let mut modules = Vec::new();
    for text in words {
        match text.as_str() {
            "{" => {
                braces += 1;
                let n = tokens.len();
                if n >= 2 && tokens[n - 2].text == "mod" && is_word(&tokens[n - 1].text) {
                    modules.push(braces);
                }
            }
            "}" => {
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
                braces = braces.saturating_sub(1);
            }
            _ => {}
        }
        tokens.push(Token { text, depth: file + modules.len() });
    }
    tokens
}

/// Words, `::`, and single signs; no comments, no literals.
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    let is = |at: usize, what: &str| {
        what.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c))
    };
    while at < chars.len() {
        let c = chars[at];
        if is(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if is(at, "/*") {
            let mut level = 0;
            loop {
                if is(at, "/*") {
                    level += 1;
                    at += 2;
                } else if is(at, "*/") {
                    level -= 1;
                    at += 2;
                } else {
                    at += 1;
                }
                if level == 0 || at >= chars.len() {
                    break;
                }
            }
        } else if let Some(after) = raw_string(&chars, at) {
            at = after;
        } else if c == '"' {
            at = quoted(&chars, at);
        } else if c == '\'' {
            // A character ends with a quote; a lifetime does not.
            let closes = if chars.get(at + 1) == Some(&'\\') {
                (at + 3..at + 12).find(|n| chars.get(*n) == Some(&'\''))
            } else {
                (chars.get(at + 2) == Some(&'\'')).then_some(at + 2)
            };
            at = closes.map_or(at + 1, |n| n + 1);
        } else if c.is_alphanumeric() || c == '_' {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            out.push(chars[start..at].iter().collect());
        } else if is(at, "::") {
            out.push("::".to_owned());
            at += 2;
        } else {
            if !c.is_whitespace() {
                out.push(c.to_string());
            }
            at += 1;
        }
    }
    out
}

/// The position after `r"..."`, `r#"..."#`, `br"..."`, if one begins here.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let mut n = at;
    if chars.get(n) == Some(&'b') {
        n += 1;
    }
    if chars.get(n) != Some(&'r') {
        return None;
    }
    n += 1;
    let hashes = chars[n..].iter().take_while(|c| **c == '#').count();
    n += hashes;
    if chars.get(n) != Some(&'"') {
        return None;
    }
    n += 1;
    while n < chars.len() {
        let closes = chars[n] == '"' && (1..=hashes).all(|h| chars.get(n + h) == Some(&'#'));
        n += 1;
        if closes {
            return Some(n + hashes);
        }
    }
    Some(n)
}

/// The position after the string that begins here.
fn quoted(chars: &[char], at: usize) -> usize {
    let mut n = at + 1;
    while n < chars.len() && chars[n] != '"' {
        n += if chars[n] == '\\' { 2 } else { 1 };
    }
    n + 1
}
