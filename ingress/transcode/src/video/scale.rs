//! Scaling down by the mean over the area that an output sample covers: no ringing, no aliasing worth the name, and
//! cheap enough for three layers.

use super::picture::Picture;

/// Weights of an output sample sum to this, so that a column's sum of bytes fits 16 bits.
const ONE: u32 = 256;

/// Scales pictures of one size to another; never larger in either direction.
#[derive(Clone, Debug)]
pub struct Scaler {
    from: (usize, usize),
    to: (usize, usize),
    luma: [Axis; 2],
    chroma: [Axis; 2],
    column: Vec<u16>,
}

impl Scaler {
    /// A scaler between sizes in luma samples; sides of `to` beyond those of `from` are cut to them.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        let to = (to.0.min(from.0) & !1, to.1.min(from.1) & !1);
        Self {
            from,
            to,
            luma: [Axis::new(from.0, to.0), Axis::new(from.1, to.1)],
            chroma: [Axis::new(from.0 / 2, to.0 / 2), Axis::new(from.1 / 2, to.1 / 2)],
            column: vec![0; from.0],
        }
    }

    /// The sizes it was made for.
    pub fn sizes(&self) -> ((usize, usize), (usize, usize)) {
        (self.from, self.to)
    }

    /// Scales `picture` into `out`, which takes the scaler's size. A picture of another size stays unscaled.
    pub fn scale(&mut self, picture: &Picture, out: &mut Picture) {
        if picture.size() != self.from {
            return;
        }
        if out.size() != self.to {
            *out = Picture::new(self.to.0, self.to.1);
        }
        let axes = [&self.luma, &self.chroma, &self.chroma];
        let planes = picture.planes().iter().zip(out.planes_mut()).zip(axes).enumerate();
        for (index, ((plane, out), [across, down])) in planes {
            let width = picture.plane_size(index).0;
            scale_plane(plane, width, out, across, down, &mut self.column);
        }
    }
}

/// One direction: where each output sample begins on the input, and its weights.
#[derive(Clone, Debug)]
struct Axis {
    starts: Vec<usize>,
    /// `taps` weights for each output sample.
    weights: Vec<u16>,
    taps: usize,
}

impl Axis {
    fn new(from: usize, to: usize) -> Self {
        let to_len = to.max(1);
        let taps = from.div_ceil(to_len) + usize::from(!from.is_multiple_of(to_len));
        let taps = taps.min(from).max(1);
        let mut axis = Self { starts: Vec::with_capacity(to), weights: Vec::with_capacity(to * taps), taps };
        for index in 0..to {
            let (begin, end) = (index * from, (index + 1) * from);
            let start = (begin / to_len).min(from - taps);
            axis.starts.push(start);
            // Coverage in units of 1/`to` input samples; rounding goes to the largest.
            let covered = (start..start + taps).map(|at| {
                let (low, high) = ((at * to_len).max(begin), ((at + 1) * to_len).min(end));
                high.saturating_sub(low)
            });
            let mut weights: Vec<u16> = covered.map(|cover| (cover * ONE as usize / from) as u16).collect();
            let missing = ONE as u16 - weights.iter().sum::<u16>();
            if let Some(largest) = weights.iter_mut().max() {
                *largest += missing;
            }
            axis.weights.extend(weights);
        }
        axis
    }
}

fn scale_plane(plane: &[u8], width: usize, out: &mut [u8], across: &Axis, down: &Axis, column: &mut [u16]) {
    let Some(column) = column.get_mut(..width) else { return };
    let rows = out.chunks_exact_mut(across.starts.len().max(1));
    for ((row, &start), weights) in rows.zip(&down.starts).zip(down.weights.chunks_exact(down.taps)) {
        column.fill(0);
        let inputs = plane.chunks_exact(width.max(1)).skip(start);
        for (input, &weight) in inputs.zip(weights) {
            for (sum, &sample) in column.iter_mut().zip(input) {
                *sum += u16::from(sample) * weight;
            }
        }
        match across.taps {
            2 if 2 * row.len() == width => halve_row(column, row),
            3 if 3 * row.len() == 2 * width => scale_row_by_thirds(column, row, across),
            2 => scale_row::<2>(column, row, across),
            3 => scale_row::<3>(column, row, across),
            _ => scale_row_any(column, row, across),
        }
    }
}

/// To a half, as from 720 to 360 lines.
fn halve_row(column: &[u16], row: &mut [u8]) {
    let (pairs, _) = column.as_chunks::<2>();
    for (out, &[left, right]) in row.iter_mut().zip(pairs) {
        *out = ((u32::from(left) + u32::from(right) + ONE) >> 9) as u8;
    }
}

/// To two thirds, as from 1080 to 720 lines: the same two sums again and again, which compilers see through.
fn scale_row_by_thirds(column: &[u16], row: &mut [u8], axis: &Axis) {
    let &[outer, inner, ..] = axis.weights.as_slice() else { return };
    let (outer, inner) = (u32::from(outer), u32::from(inner));
    let ((triples, _), (pairs, _)) = (column.as_chunks::<3>(), row.as_chunks_mut::<2>());
    for (out, &[left, middle, right]) in pairs.iter_mut().zip(triples) {
        let shared = u32::from(middle) * inner + ONE * ONE / 2;
        *out = [((u32::from(left) * outer + shared) >> 16) as u8, ((u32::from(right) * outer + shared) >> 16) as u8];
    }
}

fn scale_row<const TAPS: usize>(column: &[u16], row: &mut [u8], axis: &Axis) {
    let (weights, _) = axis.weights.as_chunks::<TAPS>();
    for ((out, &start), weights) in row.iter_mut().zip(&axis.starts).zip(weights) {
        let Some(inputs) = column.get(start..).and_then(<[u16]>::first_chunk::<TAPS>) else { continue };
        let sum: u32 = inputs.iter().zip(weights).map(|(&sum, &weight)| u32::from(sum) * u32::from(weight)).sum();
        *out = ((sum + ONE * ONE / 2) >> 16) as u8;
    }
}

fn scale_row_any(column: &[u16], row: &mut [u8], axis: &Axis) {
    for ((out, &start), weights) in row.iter_mut().zip(&axis.starts).zip(axis.weights.chunks_exact(axis.taps)) {
        let inputs = column.get(start..).unwrap_or_default();
        let sum: u32 = inputs.iter().zip(weights).map(|(&sum, &weight)| u32::from(sum) * u32::from(weight)).sum();
        *out = ((sum + ONE * ONE / 2) >> 16) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn even_pictures_stay_even() {
        for (from, to) in [((1920, 1080), (1280, 720)), ((1280, 720), (640, 360)), ((854, 480), (320, 180))] {
            let mut picture = Picture::new(from.0, from.1);
            picture.planes_mut()[0].fill(255);
            let mut out = Picture::default();
            Scaler::new(from, to).scale(&picture, &mut out);
            assert_eq!(out.size(), to);
            assert!(out.planes()[0].iter().all(|&sample| sample == 255));
            assert!(out.planes()[1].iter().all(|&sample| sample == 128));
        }
    }

    #[test]
    fn halves_are_means() {
        let luma = vec![0, 100, 40, 40, 100, 200, 40, 44];
        let picture = Picture::of(4, 2, [luma, vec![1, 3], vec![5, 5]]).unwrap();
        let mut out = Picture::default();
        Scaler::new((4, 2), (2, 2)).scale(&picture, &mut out);
        assert_eq!(out.planes()[0], [50, 40, 150, 42]);
        assert_eq!(out.planes()[1], [2]);
    }

    proptest! {
        #[test]
        fn short_ways_lead_to_the_same(column in prop::collection::vec(0u16..=65_280, 6..200)) {
            for (parts, whole, taps) in [(1, 2, 2), (2, 3, 3)] {
                let width = column.len() / whole * whole;
                let (column, axis) = (&column[..width], Axis::new(width, width / whole * parts));
                prop_assert_eq!(axis.taps, taps);
                let (mut short, mut long) = (vec![0; axis.starts.len()], vec![0; axis.starts.len()]);
                if taps == 2 { halve_row(column, &mut short) } else { scale_row_by_thirds(column, &mut short, &axis) }
                scale_row_any(column, &mut long, &axis);
                prop_assert_eq!(short, long);
            }
        }

        #[test]
        fn weights_sum_to_one_and_stay_inside(from in 1usize..3000, share in 1usize..100) {
            let to = (from * share / 100).max(1);
            let axis = Axis::new(from, to);
            prop_assert_eq!(axis.starts.len(), to);
            prop_assert!(axis.starts.iter().all(|start| start + axis.taps <= from));
            prop_assert!(axis.weights.chunks(axis.taps).all(|weights| weights.iter().sum::<u16>() == 256));
        }
    }
}
