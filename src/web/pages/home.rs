//! The list of pages: where a viewer without a page of their own begins.

use askama::Template;

use super::frame::Frame;
use super::{Board, Sheet, segment};

/// Renders the list, with the wallboards there are.
pub fn home(sheet: &Sheet, boards: &[Board]) -> Result<String, askama::Error> {
    let boards = boards.iter().map(|board| (format!("/wallboard/{}", segment(&board.name)), board.title.clone()));
    Page { frame: Frame::new(sheet, "/", "Callboard"), boards: boards.collect() }.render()
}

#[derive(Template)]
#[template(path = "pages/home.html")]
struct Page<'a> {
    frame: Frame<'a>,
    boards: Vec<(String, String)>,
}
