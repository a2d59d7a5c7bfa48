//! Where panels stand: a grid 24 wide, filled from left to right and from top to bottom.

use super::definition::{Dashboard, Kind, Panel, Row};
use crate::sources::SourceError;

/// Columns of the grid.
const COLUMNS: u32 = 24;

/// Position and size of a panel in grid units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GridPos {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

/// Panels with their places.
type PlacedPanels<'a> = Vec<(GridPos, &'a Panel)>;

/// A heading with its place, and its panels with theirs.
pub(super) type PlacedRow<'a> = (GridPos, &'a Row, PlacedPanels<'a>);

/// A number for a panel that only its title decides, so that links survive when panels are moved.
#[must_use]
pub fn panel_id(title: &str) -> u32 {
    let hash = title.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % 900_000 + 100_000
}

/// The place of every row and panel.
pub(super) fn place(dashboard: &Dashboard) -> Result<Vec<PlacedRow<'_>>, SourceError> {
    let mut top = 0;
    let mut rows = Vec::new();
    for row in &dashboard.rows {
        let heading = GridPos { x: 0, y: top, w: COLUMNS, h: 1 };
        top += 1;
        let (panels, bottom) = fill(dashboard, row, top)?;
        rows.push((heading, row, panels));
        top = bottom;
    }
    Ok(rows)
}

/// The panels of a row below `top`, and where the next row may begin.
fn fill<'a>(dashboard: &Dashboard, row: &'a Row, top: u32) -> Result<(PlacedPanels<'a>, u32), SourceError> {
    let (mut x, mut y, mut bottom) = (0, top, top);
    let mut placed = Vec::new();
    for panel in &row.panels {
        let w = panel.width.unwrap_or_else(|| share(row));
        if w == 0 || w > COLUMNS {
            let problem = format!("is {w}, but a dashboard is {COLUMNS} wide");
            return Err(dashboard.panel_error(panel, "width", problem));
        }
        let h = panel.height.or(row.height).unwrap_or_else(|| usual_height(panel.kind));
        if x + w > COLUMNS {
            (x, y) = (0, bottom);
        }
        placed.push((GridPos { x, y, w, h }, panel));
        x += w;
        bottom = bottom.max(y + h);
    }
    Ok((placed, bottom))
}

/// Columns of a panel that says none: up to four stand side by side, six if they are numbers.
fn share(row: &Row) -> u32 {
    let most = if row.panels.iter().all(|panel| panel.kind == Kind::Stat) { 6 } else { 4 };
    let count = u32::try_from(row.panels.len()).unwrap_or(most);
    // Rows of five become 3 + 2, not 4 + 1.
    let lines = count.div_ceil(most).max(1);
    COLUMNS / count.div_ceil(lines).max(1)
}

fn usual_height(kind: Kind) -> u32 {
    match kind {
        Kind::Stat | Kind::Gauge => 4,
        Kind::Logs | Kind::NodeGraph => 12,
        _ => 8,
    }
}
