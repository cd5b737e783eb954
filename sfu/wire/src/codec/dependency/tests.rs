//! Structures as encoders write them, described and cut down.

use proptest::prelude::*;

use super::*;

/// A template as the tests write it: spatial and temporal layer, a letter for each decode target, and what it needs.
type Written = (u8, u8, &'static str, &'static [u32]);

/// L1T3: three temporal layers.
const L1T3: [Written; 5] =
    [(0, 0, "SSS", &[]), (0, 0, "SSS", &[4]), (0, 1, "-DS", &[2]), (0, 2, "--D", &[1]), (0, 2, "--D", &[1, 3])];

/// L2T1 with prediction between the layers in key pictures only.
const L2T1_KEY: [Written; 4] = [(0, 0, "SS", &[]), (0, 0, "S-", &[2]), (1, 0, "-S", &[1]), (1, 0, "-S", &[2])];

struct Sheet {
    bytes: Vec<u8>,
    at: usize,
}

impl Sheet {
    fn put(&mut self, value: u32, count: usize) {
        self.bytes.resize((self.at + count).div_ceil(8), 0);
        BitWriter { out: &mut self.bytes, at: self.at }.put(value, count).unwrap();
        self.at += count;
    }
}

fn letter(letter: char) -> u32 {
    "-DSR".find(letter).unwrap() as u32
}

/// A key frame's descriptor: the structure with ids from `first_id`, one chain, resolutions when `sized`.
fn keyframe(first_id: u32, templates: &[Written], sized: bool) -> Sheet {
    let mut sheet = Sheet { bytes: Vec::new(), at: 0 };
    let targets = templates[0].2.len();
    sheet.put(0b10, 2);
    sheet.put(first_id, 6);
    sheet.put(7, 16);
    sheet.put(0b10000, 5);
    sheet.put(first_id, 6);
    sheet.put(targets as u32 - 1, 5);
    for pair in templates.windows(2) {
        let step = if pair[1].0 > pair[0].0 { 2 } else { u32::from(pair[1].1 > pair[0].1) };
        sheet.put(step, 2);
    }
    sheet.put(3, 2);
    templates.iter().flat_map(|it| it.2.chars()).for_each(|it| sheet.put(letter(it), 2));
    for need in templates.iter().map(|it| it.3) {
        need.iter().for_each(|need| sheet.put(0x10 | (need - 1), 5));
        sheet.put(0, 1);
    }
    // One chain, as a value below `targets` + 1.
    sheet.put(if targets == 2 { 0b10 } else { 0b01 }, 2);
    templates.iter().for_each(|_| sheet.put(0, 4));
    sheet.put(u32::from(sized), 1);
    if sized {
        (0..=templates.last().unwrap().0).for_each(|_| sheet.put(0x0280_0168, 32));
    }
    sheet
}

fn check(templates: &[Written], structure: &Structure) {
    assert_eq!(structure.templates().len(), templates.len());
    for (read, written) in structure.templates().iter().zip(templates) {
        assert_eq!((read.spatial, read.temporal), (written.0, written.1));
        for (target, wanted) in written.2.chars().enumerate() {
            let kinds = [Indication::Absent, Indication::Discardable, Indication::Switch, Indication::Required];
            assert_eq!(read.indications.of(target as u8), kinds[letter(wanted) as usize]);
        }
        assert_eq!(read.needs.recent, written.3.iter().fold(0, |all, need| all | 1 << (need - 1)));
    }
}

#[test]
fn reads_the_structures_of_encoders() {
    for templates in [&L1T3[..], &L2T1_KEY] {
        for (first_id, sized) in [(0, false), (5, true), (62, true)] {
            let sheet = keyframe(first_id, templates, sized);
            let structure = Structure::parse(&sheet.bytes).unwrap();
            check(templates, &structure);
            assert_eq!(structure.end, sheet.at);
            let own = structure.describe(&sheet.bytes).unwrap();
            assert_eq!((own.index, own.active), (0, Some(structure.all_targets())));
        }
    }
    let structure = Structure::parse(&keyframe(0, &L2T1_KEY, false).bytes).unwrap();
    assert_eq!([0, 1].map(|target| structure.layers_of(target)), [(0, 0), (1, 0)]);
    assert_eq!((structure.targets(), structure.all_targets()), (2, 0b11));
}

#[test]
fn describes_frames_by_their_template_and_what_they_change() {
    let structure = Structure::parse(&keyframe(62, &L1T3, false).bytes).unwrap();
    let plain = structure.describe(&[0x80, 0, 9]).unwrap();
    assert_eq!((plain.index, plain.template, plain.active), (2, structure.templates()[2], None));
    assert_eq!(structure.describe(&[0x80 | 3, 0, 9]), None, "there are five templates");
    assert_eq!(structure.describe(&[0x80, 0]), None);
    // Only two targets go on; own indications S, D, -; needs 3 and 300 frames back.
    let mut sheet = Sheet { bytes: Vec::new(), at: 0 };
    sheet.put(0x80_00_09, 24);
    sheet.put(0b01110, 5);
    sheet.put(0b011, 3);
    sheet.put(0b10_01_00, 6);
    sheet.put(0b01_0010, 6);
    sheet.put(0b11, 2);
    sheet.put(299, 12);
    sheet.put(0, 2);
    let own = structure.describe(&sheet.bytes).unwrap();
    assert_eq!((own.active, own.template.temporal), (Some(0b011), 1));
    let kinds = [0, 1, 2].map(|target| own.template.indications.of(target));
    assert_eq!(kinds, [Indication::Switch, Indication::Discardable, Indication::Absent]);
    assert_eq!(own.template.needs, Needs { recent: 0b100, older: true });
}

#[test]
fn says_which_targets_go_on_and_nothing_else() {
    let key = keyframe(3, &L2T1_KEY, true);
    let structure = Structure::parse(&key.bytes).unwrap();
    let mut custom = Sheet { bytes: Vec::new(), at: 0 };
    custom.put(0x84_00_09, 24);
    custom.put(0b00100, 5);
    custom.put(0b1001, 4);
    let mut active = Sheet { bytes: Vec::new(), at: 0 };
    active.put(0x84_00_09, 24);
    active.put(0b01100, 5);
    active.put(0b11_1001, 6);
    for data in [&key.bytes, &vec![0x84, 0, 9], &custom.bytes, &active.bytes] {
        let mut out = [0xff; 64];
        let len = structure.write_active(data, 0b01, &mut out).unwrap();
        let (before, after) = (structure.describe(data).unwrap(), structure.describe(&out[..len]).unwrap());
        assert_eq!((after.index, after.template, after.active), (before.index, before.template, Some(0b01)));
        assert_eq!(Head::parse(data), Head::parse(&out[..len]));
        if data.len() > 20 {
            assert_eq!(Structure::parse(&out[..len]).unwrap().templates(), structure.templates());
        }
        assert_eq!(structure.write_active(data, 1, &mut out[..len - 1]), None);
    }
}

#[test]
fn a_structure_that_contradicts_itself_is_refused() {
    let key = keyframe(0, &L1T3, true);
    for len in 0..key.at / 8 {
        assert_eq!(Structure::parse(&key.bytes[..len]), None, "{len} bytes");
    }
    // Layers without end.
    assert_eq!(Structure::parse(&[[0x80, 0, 1, 0x80, 0].as_slice(), &[0; 250]].concat()), None);
    assert_eq!(Structure::parse(&[0x80, 0, 1, 0x78]), None);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(data in proptest::collection::vec(any::<u8>(), 0..80), active: u32) {
        let known = Structure::parse(&keyframe(0, &L1T3, false).bytes).unwrap();
        let own = Structure::parse(&[&[0x80, 0, 1, 0x80], &data[..]].concat());
        for structure in [Some(known), own].into_iter().flatten() {
            let _ = structure.describe(&data);
            let mut out = [0; 255];
            let _ = structure.write_active(&data, active, &mut out);
        }
        let _ = Head::parse(&data).map(|head| head.keyframe());
    }
}
