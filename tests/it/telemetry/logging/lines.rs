//! As much of Rust as it takes to find the lines of the log.

use std::path::{Path, PathBuf};

/// A line that people may see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) module: String,
    pub(super) message: String,
    pub(super) level: &'static str,
    pub(super) fields: Vec<String>,
}

/// All lines of the roles, by module or crate and message. `quittance dev` is no role.
pub(super) fn lines_of(root: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for file in files_below(&root.join("src")) {
        let path = file.strip_prefix(root.join("src")).unwrap();
        let module = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module != "dev" {
            lines.extend(lines_in(module, &std::fs::read_to_string(&file).unwrap()));
        }
    }
    for entry in std::fs::read_dir(root.join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let Some(name) = name.strip_prefix("quittance-") else { continue };
        for file in files_below(&folder.join("src")) {
            lines.extend(lines_in(name, &std::fs::read_to_string(&file).unwrap()));
        }
    }
    lines.sort();
    lines
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    rust_files(dir, &mut files);
    files
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

fn lines_in(module: &str, text: &str) -> Vec<Line> {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let mut lines = Vec::new();
    for level in ["error", "warn", "info"] {
        let begin = format!("tracing::{level}!(");
        for (at, _) in text.match_indices(&begin) {
            let mut arguments = arguments(&text[at + begin.len()..]);
            // What has a target of its own is a span's, or a library's.
            let message = arguments.pop().filter(|last| last.starts_with('"'));
            let message = message.unwrap_or_else(|| panic!("{module}: a line without a message"));
            lines.push(Line {
                module: module.to_owned(),
                message: message.trim_matches('"').to_owned(),
                level,
                fields: arguments.iter().map(|argument| name(argument)).collect(),
            });
        }
    }
    lines
}

/// The arguments of a macro that was opened just before.
fn arguments(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for c in text.chars() {
        match c {
            _ if quoted => {
                quoted = escaped || c != '"';
                escaped = !escaped && c == '\\';
            }
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().unwrap().push(c);
    }
    let all = all.iter().map(|argument| argument.trim().to_owned());
    all.filter(|argument| !argument.is_empty()).collect()
}

/// `name = value`, `%name`, `?name`, `name`.
fn name(argument: &str) -> String {
    let name = argument.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
    name.rsplit('.').next().unwrap().to_owned()
}

#[test]
fn each_way_to_write_a_line_is_read() {
    let text = r#"
        tracing::warn!(%error, part, "it is down; a \"word\", and (more)");
        tracing::info!(
            destination = self.x(1, 2), ?stopped,
            worker = parts.name,
            "stopped"
        );
        #[cfg(test)]
        tracing::error!("not this");
    "#;
    let lines = lines_in("queue", text);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0].message, r#"it is down; a \"word\", and (more)"#);
    assert_eq!((lines[0].level, &*lines[0].fields.join(" ")), ("warn", "error part"));
    assert_eq!(lines[1].fields, ["destination", "stopped", "worker"]);
}
