//! A decoded picture: three planes of bytes, 4:2:0, both sides even.

/// Planes without padding: a luma row is `width` bytes, a chroma row half of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Picture {
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
}

impl Picture {
    /// A black picture. Odd sides lose a column or a row.
    pub fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width & !1, height & !1);
        let chroma = vec![128; width * height / 4];
        Self { width, height, planes: [vec![16; width * height], chroma.clone(), chroma] }
    }

    /// A picture of these planes, luma first; `None` when their sizes do not fit, or a side is odd.
    pub fn of(width: usize, height: usize, planes: [Vec<u8>; 3]) -> Option<Self> {
        let luma = width.checked_mul(height)?;
        let fits = width.is_multiple_of(2) && height.is_multiple_of(2);
        let full = planes.iter().map(Vec::len).eq([luma, luma / 4, luma / 4]);
        (fits && full).then_some(Self { width, height, planes })
    }

    /// Width and height in luma samples.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Width and height of a plane: 0 luma, 1 and 2 chroma.
    pub fn plane_size(&self, plane: usize) -> (usize, usize) {
        if plane == 0 { (self.width, self.height) } else { (self.width / 2, self.height / 2) }
    }

    /// Luma, blue and red difference.
    pub fn planes(&self) -> &[Vec<u8>; 3] {
        &self.planes
    }

    /// The planes, to be written.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        self.planes.each_mut().map(Vec::as_mut_slice)
    }
}

/// Peak signal to noise ratio of the luma, dB; infinite when both are the same. For tests and benches.
pub fn psnr(left: &Picture, right: &Picture) -> f64 {
    let ([left, ..], [right, ..]) = (left.planes(), right.planes());
    let squares = left.iter().zip(right).map(|(&left, &right)| u64::from(left.abs_diff(right)).pow(2));
    let mean = squares.sum::<u64>() as f64 / left.len().max(1) as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}
