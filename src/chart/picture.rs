//! From SVG to PNG.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};

use super::{ChartError, frame::FONT_FAMILY};

/// Inter Medium, cut down to the signs that charts write; see `font/OFL.txt`.
const FONT: &[u8] = include_bytes!("font/Inter-Medium.ttf");

/// Our font and no other: what a machine has installed must not change a picture.
static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    Options {
        font_family: FONT_FAMILY.to_owned(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    }
});

/// Fills the pixels of a picture.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, ChartError> {
    let fault = |detail: &str| ChartError::Pixels(detail.to_owned());
    let tree = Tree::from_str(svg, &OPTIONS).map_err(|error| fault(&error.to_string()))?;
    let size = tree.size().to_int_size();
    let pixels = Pixmap::new(size.width(), size.height());
    let mut pixels = pixels.ok_or_else(|| fault("it has no size"))?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| fault(&error.to_string()))
}
