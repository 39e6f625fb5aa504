use std::collections::HashSet;

use domain::lots::{LotStatus, LotType};

use super::layout::{Density, layout, text_width};
use super::palette::{STATUSES, look};
use super::tiles::tiles;
use super::*;

fn node(lot_type: LotType, number: usize, status: LotStatus, weight_grams: i64) -> Node {
    Node {
        code: format!("{}-20260302-DUNA-{number:04}", lot_type.code_prefix()),
        lot_type,
        status,
        step_index: lot_type.step_index(),
        weight_grams,
        is_root: false,
        note: None,
    }
}

/// One received lot, followed to two shipments.
fn small() -> Picture {
    use LotStatus::{Consumed, Created, Finished, Hold, Quarantine, Rejected, Released};
    use LotType::{Bulk, Deb, Mix, Pal, Raw, Ship};
    let mut nodes = vec![
        node(Raw, 1, Consumed, 400_000),
        node(Deb, 1, Consumed, 280_000),
        node(Deb, 2, Rejected, 60_000),
        node(Bulk, 1, Consumed, 272_000),
        node(Mix, 1, Released, 320_000),
        node(Mix, 2, Hold, 20_000),
        node(Pal, 1, Quarantine, 150_000),
        node(Pal, 2, Consumed, 120_500),
        node(Pal, 3, Created, 0),
        node(Ship, 1, Finished, 120_500),
    ];
    nodes[0].is_root = true;
    nodes[0].note = Some("Baromfi & Fia Kft.".into());
    nodes[9].note = Some("Nagykereskedelmi és Vendéglátóipari Zrt., Győr".into());
    let links = [(0, 1, 300_000), (0, 2, 100_000), (1, 3, 280_000), (3, 4, 252_000), (3, 5, 20_000)];
    let later = [(4, 6, 150_000), (4, 7, 120_500), (5, 8, 0), (7, 9, 120_500)];
    let links = links.into_iter().chain(later);
    let links = links.map(|(parent, child, used_grams)| Link { parent, child, used_grams }).collect();
    Picture { title: "What was made of RAW-20260302-DUNA-0001".into(), nodes, links }
}

/// About 2,000 lots: rods of eight mixes, frozen, packed and palletized. With `mingled`, every rod has parents of its
/// own, so that none is like another.
fn large(mingled: bool) -> Picture {
    let mut picture =
        Picture { title: "What was made of RAW-20260302-DUNA-0001".into(), ..Picture::default() };
    let mut add = |lot_type: LotType, number: usize, status, weight, parents: &[usize]| -> usize {
        picture.nodes.push(node(lot_type, number, status, weight));
        let child = picture.nodes.len() - 1;
        let used_grams = weight / parents.len().max(1) as i64;
        picture.links.extend(parents.iter().map(|&parent| Link { parent, child, used_grams }));
        child
    };
    let raw = add(LotType::Raw, 1, LotStatus::Consumed, 9_000_000, &[]);
    let debs: Vec<_> =
        (1..=6).map(|n| add(LotType::Deb, n, LotStatus::Consumed, 1_400_000, &[raw])).collect();
    let bulks: Vec<_> = (0..6)
        .map(|n| add(LotType::Bulk, n + 1, LotStatus::Consumed, 1_390_000, &[debs[n], debs[(n + 1) % 6]]))
        .collect();
    let mixes: Vec<_> = (0..8)
        .map(|n| {
            add(LotType::Mix, n + 1, LotStatus::Consumed, 1_200_000, &[bulks[n % 6], bulks[(n + 2) % 6]])
        })
        .collect();
    let mut goods = Vec::new();
    for n in 0..640 {
        let two = [mixes[n % 8], mixes[(n * 7 + n / 8) % 8]];
        let parents = if mingled && two[0] != two[1] { &two[..] } else { &two[..1] };
        let status = if n % 97 == 5 { LotStatus::Hold } else { LotStatus::Consumed };
        let rod = add(LotType::Skw15, n + 1, status, 15_000, parents);
        let frozen = add(LotType::Frz15, n + 1, LotStatus::Consumed, 15_000, &[rod]);
        goods.push(add(LotType::Fg15, n + 1, LotStatus::Released, 15_000, &[frozen]));
    }
    for (n, on_it) in goods.chunks(20).enumerate() {
        let pallet = add(LotType::Pal, n + 1, LotStatus::Consumed, 300_000, on_it);
        if n % 2 == 0 {
            let status = if n % 6 == 0 { LotStatus::Quarantine } else { LotStatus::Finished };
            add(LotType::Ship, n / 2 + 1, status, 300_000, &[pallet]);
        }
    }
    picture.nodes[0].is_root = true;
    picture
}

fn overlaps(picture: &Picture, detail: Detail) -> usize {
    let drawn = tiles(picture, detail);
    let layout = layout(picture, &drawn);
    let height = layout.density.metrics().tile_height;
    let mut found = 0;
    for (at, a) in layout.placed.iter().enumerate() {
        assert!(a.left >= 0.0 && a.left + a.width <= layout.width && a.top + height <= layout.height);
        for b in &layout.placed[at + 1..] {
            let beside = a.left + a.width <= b.left || b.left + b.width <= a.left;
            let above = a.top + height <= b.top || b.top + height <= a.top;
            found += usize::from(!beside && !above);
        }
    }
    found
}

/// The picture that the README shows. `CAIRN_REGENERATE=1 cargo test -p api drawing` draws it anew.
#[test]
fn the_readmes_picture_is_what_the_program_draws() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/pictures/genealogy.svg");
    let drawn = svg(&small(), Detail::Alike);
    if std::env::var_os("CAIRN_REGENERATE").is_some() {
        std::fs::write(file, &drawn).unwrap();
    }
    let same = std::fs::read_to_string(file).unwrap() == drawn;
    assert!(
        same,
        "ops/pictures/genealogy.svg: to draw it anew, CAIRN_REGENERATE=1 cargo test -p api drawing"
    );
}

#[test]
fn a_small_genealogy_as_dot() {
    insta::assert_snapshot!(dot(&small(), Detail::Alike));
}

#[test]
fn a_small_genealogy_as_a_table() {
    insta::assert_snapshot!(table(&small()));
}

#[test]
fn a_picture_of_nothing_is_still_a_picture() {
    let nothing = Picture { title: "Nothing".into(), ..Picture::default() };
    assert!(svg(&nothing, Detail::Alike).contains("0 lots, 0 links"));
    assert!(dot(&nothing, Detail::Alike).starts_with("digraph"));
    assert_eq!(table(&nothing), "Nothing\n0 lots, 0 links\n");
}

#[test]
fn no_tile_covers_another_in_any_size() {
    let pictures = [small(), large(false), large(true)];
    for picture in &pictures {
        assert_eq!(overlaps(picture, Detail::Alike), 0);
        assert_eq!(overlaps(picture, Detail::Every), 0);
    }
}

#[test]
fn text_fits_its_tile() {
    let picture = large(true);
    let drawn = tiles(&picture, Detail::Every);
    let layout = layout(&picture, &drawn);
    let font = layout.density.metrics().font;
    for placed in &layout.placed {
        assert!(
            placed.lines.iter().all(|line| text_width(line, font) + font + 14.0 <= placed.width),
            "{placed:?}"
        );
    }
}

#[test]
fn alike_lots_of_a_long_layer_share_a_tile_and_no_gram_is_lost() {
    let picture = large(false);
    let drawn = tiles(&picture, Detail::Alike);
    assert!(drawn.tiles.len() < 150, "{} tiles", drawn.tiles.len());
    let lots: Vec<usize> = drawn.tiles.iter().flat_map(|tile| tile.members.iter().copied()).collect();
    assert_eq!(lots.iter().collect::<HashSet<_>>().len(), picture.nodes.len());
    assert_eq!(lots.len(), picture.nodes.len());
    let strands: i64 = drawn.strands.iter().map(|strand| strand.used_grams).sum();
    assert_eq!(strands, picture.links.iter().map(|link| link.used_grams).sum::<i64>());
    assert_eq!(tiles(&picture, Detail::Every).tiles.len(), picture.nodes.len());
}

#[test]
fn a_layer_of_hundreds_is_drawn_densely_in_several_columns() {
    let picture = large(true);
    let drawn = tiles(&picture, Detail::Every);
    let layout = layout(&picture, &drawn);
    assert_eq!(layout.density, Density::Dense);
    assert!(layout.height < 2_000.0, "{} high", layout.height);
}

#[test]
fn links_that_go_nowhere_or_backward_do_no_harm() {
    let mut picture = small();
    picture.links.push(Link { parent: 99, child: 0, used_grams: 1 });
    picture.links.push(Link { parent: 9, child: 0, used_grams: 1 });
    picture.links.push(Link { parent: 1, child: 2, used_grams: -1 });
    assert!(svg(&picture, Detail::Alike).ends_with("</svg>\n"));
    assert!(table(&picture).contains("10 lots, 11 links"));
}

#[test]
fn every_line_of_the_table_fits_100_columns() {
    let mut picture = large(false);
    picture.nodes[3].note = Some("東京都中央区築地".repeat(9));
    picture.nodes[4].code = "X".repeat(120);
    for line in table(&picture).lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 100, "{line}");
    }
}

#[test]
fn foreign_text_stays_text() {
    let mut picture = small();
    picture.title = "<script>\"&\u{7}\n\\".into();
    picture.nodes[0].note = Some("a\"];evil\\".into());
    assert!(svg(&picture, Detail::Alike).contains("&lt;script&gt;&quot;&amp;  \\"));
    assert!(dot(&picture, Detail::Alike).contains(r#"a\"];evil\\"#));
}

/// CIE lightness, 0 to 100: what a colour is worth in grey.
fn lightness((red, green, blue): (u8, u8, u8)) -> f64 {
    let y = luminance((red, green, blue));
    if y > 0.008_856 { 116.0 * y.cbrt() - 16.0 } else { 903.3 * y }
}

fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[test]
fn statuses_differ_in_grey_and_by_their_mark() {
    for pair in STATUSES.windows(2) {
        let (light, dark) = (lightness(look(pair[0]).fill), lightness(look(pair[1]).fill));
        assert!(light - dark >= 8.0, "{:?} {light:.0} and {:?} {dark:.0}", pair[0], pair[1]);
    }
    let marks: HashSet<_> = STATUSES.iter().map(|&status| look(status).mark).collect();
    assert_eq!(marks.len(), STATUSES.len());
}

#[test]
fn text_on_a_tile_has_the_contrast_that_wcag_asks_for() {
    for status in STATUSES {
        let look = look(status);
        let ink = if look.ink == "#ffffff" { 1.0 } else { luminance((0x16, 0x18, 0x1d)) };
        let fill = luminance(look.fill);
        let contrast = (ink.max(fill) + 0.05) / (ink.min(fill) + 0.05);
        assert!(contrast >= 4.5, "{status:?}: {contrast:.1}");
    }
}
