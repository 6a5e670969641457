//! From text to rules. Stops at the first fault: what follows one is seldom meant as it reads.

use std::collections::{HashMap, HashSet};

use super::{Gbnf, Node, Rule};
use crate::limits::{MAX_DEPTH, MAX_REPETITIONS};
use crate::place::Place;
use crate::problem::{Code, Problem};

type Parsed<T> = Result<T, Problem>;

/// Reads a grammar; every rule that is named is defined, once, and one is called `root`.
pub fn parse(text: &str) -> Parsed<Gbnf> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        indices: HashMap::new(),
        defined: HashMap::new(),
        named_at: Vec::new(),
        symbols: HashSet::new(),
        generated: 0,
    };
    parser.grammar()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    indices: HashMap<String, usize>,
    defined: HashMap<usize, Rule>,
    named_at: Vec<usize>, // by index: where a rule was first named
    // llama.cpp limits repetitions by how many symbols it has made so far; these count as it does.
    symbols: HashSet<String>,
    generated: u64,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

impl Parser<'_> {
    fn problem<T>(&self, at: usize, code: Code, message: impl Into<String>) -> Parsed<T> {
        Err(Problem::new(code, Place::of(self.text, at), message))
    }

    fn syntax<T>(&self, message: impl Into<String>) -> Parsed<T> {
        self.problem(self.at, Code::Syntax, message)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn found(&self) -> String {
        match self.peek() {
            None => "the end".into(),
            Some('\n' | '\r') => "a line break".into(),
            Some(c) => format!("'{c}'"),
        }
    }

    // Blanks and comments; line breaks only where they do not end a rule.
    fn space(&mut self, line_breaks: bool) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => self.at += 1,
                '\r' | '\n' if line_breaks => self.at += 1,
                '#' => {
                    self.at += self.text[self.at..].find(['\r', '\n']).unwrap_or(self.text.len() - self.at)
                }
                _ => break,
            }
        }
    }

    fn grammar(&mut self) -> Parsed<Gbnf> {
        if let Some(at) = self.text.find('\0') {
            return self.problem(
                at,
                Code::Syntax,
                "A NUL character would end the grammar here; write \\x00 in quotes.",
            );
        }
        self.space(true);
        while self.peek().is_some() {
            self.rule()?;
            self.space(true);
        }
        let Some(&root) = self.indices.get("root").filter(|index| self.defined.contains_key(index)) else {
            return self.problem(
                0,
                Code::Invalid,
                "There is no rule called \"root\"; that is where every text begins.",
            );
        };
        for (name, index) in &self.indices {
            if !self.defined.contains_key(index) {
                let message = format!("There is no rule called \"{name}\".");
                return self.problem(self.named_at[*index], Code::Invalid, message);
            }
        }
        let mut rules: Vec<(usize, Rule)> = self.defined.drain().collect();
        rules.sort_by_key(|(index, _)| *index);
        Ok(Gbnf { rules: rules.into_iter().map(|(_, rule)| rule).collect(), root })
    }

    fn name(&mut self) -> Parsed<String> {
        let rest = &self.text[self.at..];
        let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        if name.is_empty() {
            return self.syntax(format!("Expected a rule's name, found {}.", self.found()));
        }
        self.at += name.len();
        if self.peek() == Some('_') {
            return self.syntax("A rule's name has letters, digits and '-' only; '_' is not one of them.");
        }
        Ok(name.to_string())
    }

    fn index(&mut self, name: &str, at: usize) -> usize {
        self.symbols.insert(name.to_string());
        let next = self.indices.len();
        let index = *self.indices.entry(name.to_string()).or_insert(next);
        if index == next {
            self.named_at.push(at);
        }
        index
    }

    fn rule(&mut self) -> Parsed<()> {
        let at = self.at;
        let name = self.name()?;
        let index = self.index(&name, at);
        self.space(false);
        if !self.text[self.at..].starts_with("::=") {
            return self.syntax(format!("Expected '::=' after \"{name}\", found {}.", self.found()));
        }
        self.at += 3;
        self.space(true);
        let body = self.choice(false)?;
        match self.peek() {
            None | Some('\r' | '\n') => {}
            Some(')') => return self.syntax("This ')' closes nothing."),
            Some(_) => {
                return self.syntax(format!(
                    "Expected a literal, a class, a rule or a line break, found {}.",
                    self.found()
                ));
            }
        }
        if let Some(earlier) = self.defined.get(&index) {
            let line = Place::of(self.text, earlier.at).line;
            return self.problem(
                at,
                Code::Invalid,
                format!("\"{name}\" is defined already, in line {line}."),
            );
        }
        self.defined.insert(index, Rule { name, at, body });
        Ok(())
    }

    fn choice(&mut self, nested: bool) -> Parsed<Node> {
        let mut options = vec![self.sequence(nested)?];
        while self.eat('|') {
            self.space(true);
            options.push(self.sequence(nested)?);
        }
        Ok(if options.len() == 1 { options.remove(0) } else { Node::Choice(options) })
    }

    fn sequence(&mut self, nested: bool) -> Parsed<Node> {
        let mut items: Vec<Node> = Vec::new();
        // How many of llama.cpp's rules the last item is worth.
        let mut weight = 1;
        while let Some(c) = self.peek() {
            let at = self.at;
            match c {
                '*' | '+' | '?' | '{' => {
                    let (min, max) = self.repetitions(nested)?;
                    let Some(inner) = items.pop() else {
                        let message = format!("There is nothing before this '{c}' that it could repeat.");
                        return self.problem(at, Code::Syntax, message);
                    };
                    weight = self.weigh(at, weight, min, max)?;
                    items.push(Node::Repeat { inner: Box::new(inner), min, max, at });
                    continue;
                }
                '"' => {
                    weight = 1;
                    let literal = self.literal()?;
                    // An empty literal is nothing at all, and nothing can be repeated.
                    self.space(nested);
                    if !literal.is_empty() {
                        items.push(Node::Literal(literal));
                    } else if matches!(self.peek(), Some('*' | '+' | '?' | '{')) {
                        return self.syntax("An empty text cannot be repeated.");
                    }
                    continue;
                }
                '[' => {
                    weight = 1;
                    items.push(self.class()?);
                }
                '.' => {
                    weight = 1;
                    self.at += 1;
                    items.push(Node::Any);
                }
                '(' => {
                    let (group, symbols) = self.group()?;
                    weight = symbols;
                    items.push(group);
                }
                '<' | '!' => {
                    return self.syntax(
                        "Tokens such as <think> are a model's own; a grammar here is made of characters.",
                    );
                }
                c if is_word(c) => {
                    weight = 1;
                    let name = self.name()?;
                    let index = self.index(&name, at);
                    items.push(Node::Reference(index));
                }
                _ => break,
            }
            self.space(nested);
        }
        Ok(if items.len() == 1 { items.remove(0) } else { Node::Sequence(items) })
    }

    fn group(&mut self) -> Parsed<(Node, u64)> {
        let open = self.at;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.problem(
                open,
                Code::TooLarge,
                format!("Brackets nest deeper than {MAX_DEPTH} levels."),
            );
        }
        self.at += 1;
        self.space(true);
        let before = self.symbols.len() as u64 + self.generated;
        self.generated += 1;
        let inner = self.choice(true)?;
        let symbols = (self.symbols.len() as u64 + self.generated - before).max(1);
        if !self.eat(')') {
            if self.peek().is_none() {
                return self.problem(open, Code::Syntax, "This '(' is never closed.");
            }
            return self.syntax(format!("Expected ')', found {}.", self.found()));
        }
        self.depth -= 1;
        Ok((inner, symbols))
    }

    fn repetitions(&mut self, nested: bool) -> Parsed<(u64, Option<u64>)> {
        let operator = self.peek();
        self.at += 1;
        self.space(nested);
        Ok(match operator {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            _ => {
                let min = self.number(nested)?;
                let max = if self.eat(',') {
                    self.space(nested);
                    match self.peek() {
                        Some('0'..='9') => Some(self.number(nested)?),
                        _ => None,
                    }
                } else {
                    Some(min)
                };
                if !self.eat('}') {
                    return self.syntax(format!("Expected '}}', found {}.", self.found()));
                }
                self.space(nested);
                if max.is_some_and(|max| max < min) {
                    return self.syntax(format!(
                        "This asks for at least {min} and at most {} times.",
                        max.unwrap_or(0)
                    ));
                }
                (min, max)
            }
        })
    }

    fn number(&mut self, nested: bool) -> Parsed<u64> {
        let rest = &self.text[self.at..];
        let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
        if digits.is_empty() {
            return self.syntax(format!("Expected how many times, found {}.", self.found()));
        }
        let number = digits.parse().unwrap_or(u64::MAX);
        if number > MAX_REPETITIONS {
            let message = format!("Expected at most {MAX_REPETITIONS} repetitions, found {digits}.");
            return self.problem(self.at, Code::TooLarge, message);
        }
        self.at += digits.len();
        self.space(nested);
        Ok(number)
    }

    // llama.cpp writes repetitions out as rules and limits their number; counted as it counts them.
    fn weigh(&mut self, at: usize, weight: u64, min: u64, max: Option<u64>) -> Parsed<u64> {
        let times = match max {
            Some(max) if max > 0 => max,
            _ => min.max(1),
        };
        if weight * times > MAX_REPETITIONS {
            let message = format!(
                "Repetitions within repetitions come to {} rules, more than {MAX_REPETITIONS}; repeat less or less deeply.",
                weight * times
            );
            return self.problem(at, Code::TooLarge, message);
        }
        self.generated += max.map_or(1, |max| max - min);
        Ok(weight * times)
    }

    fn literal(&mut self) -> Parsed<String> {
        let open = self.at;
        self.at += 1;
        let mut literal = String::new();
        while !self.eat('"') {
            if self.peek().is_none() {
                return self.problem(open, Code::Syntax, "This text does not end: a '\"' is missing.");
            }
            literal.push(self.character()?);
        }
        Ok(literal)
    }

    fn class(&mut self) -> Parsed<Node> {
        let open = self.at;
        self.at += 1;
        let negated = self.eat('^');
        let mut ranges = Vec::new();
        while !self.eat(']') {
            if self.peek().is_none() {
                return self.problem(open, Code::Syntax, "This class does not end: a ']' is missing.");
            }
            let at = self.at;
            let low = self.character()?;
            let mut high = low;
            if self.peek() == Some('-') && !self.text[self.at + 1..].starts_with(']') {
                self.at += 1;
                if self.peek().is_none() {
                    return self.problem(open, Code::Syntax, "This class does not end: a ']' is missing.");
                }
                high = self.character()?;
            }
            if high < low {
                return self.problem(at, Code::Invalid, "This range ends before it begins.");
            }
            ranges.push((low, high));
        }
        if ranges.is_empty() {
            return self.problem(open, Code::Invalid, "This class has no characters.");
        }
        Ok(Node::Class { negated, ranges })
    }

    fn character(&mut self) -> Parsed<char> {
        let at = self.at;
        let Some(c) = self.peek() else {
            return self.syntax("The grammar ends inside a text.");
        };
        self.at += c.len_utf8();
        if c != '\\' {
            return Ok(c);
        }
        let escape = self.peek();
        self.at += escape.map_or(0, char::len_utf8);
        match escape {
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('n') => Ok('\n'),
            Some(c @ ('\\' | '"' | '[' | ']' | '-')) => Ok(c),
            Some('x') => self.code_point(at, 2),
            Some('u') => self.code_point(at, 4),
            Some('U') => self.code_point(at, 8),
            _ => self.problem(
                at,
                Code::Syntax,
                "This escape is unknown; there are \\t \\r \\n \\\\ \\\" \\[ \\] \\- \\xHH \\uHHHH \\UHHHHHHHH.",
            ),
        }
    }

    fn code_point(&mut self, at: usize, digits: usize) -> Parsed<char> {
        let hex =
            self.text.get(self.at..self.at + digits).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(hex) = hex else {
            return self.problem(
                at,
                Code::Syntax,
                format!("Expected {digits} hexadecimal digits after this escape."),
            );
        };
        self.at += digits;
        match u32::from_str_radix(hex, 16).ok().and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => self.problem(at, Code::Invalid, format!("U+{hex} is not a character.")),
        }
    }
}
