//! A dependency descriptor's structure in terms of operating points.

use wire::codec::dependency::{Description, Indication, Indications, Structure, TARGETS_MAX, TEMPLATES_MAX};

use crate::points::{Point, Points};

/// See the module. It has a fixed size and is kept in place over key frames.
#[derive(Debug)]
pub(crate) struct Layout {
    structure: Structure,
    /// The frame that brought it.
    number: u16,
    /// The decode targets that go on.
    active: u32,
    /// The decode target of each point.
    targets: [u8; Point::COUNT],
    /// For each template who needs it, and up to where one may go with it.
    templates: [(Points, Points); TEMPLATES_MAX],
    /// For each point the decode targets that a subscriber there gets all of.
    whole: [u32; Point::COUNT],
}

impl Layout {
    /// Takes the structure that the descriptor `data` of frame `number` brings, unless it is broken or older than the one
    /// in `place`.
    pub(crate) fn read(place: &mut Option<Box<Self>>, data: &[u8], number: u16) {
        let is_old = |known: &Self| (number.wrapping_sub(known.number) as i16) < 0;
        if place.as_deref().is_some_and(is_old) {
            return;
        }
        let Some(structure) = Structure::parse(data) else { return };
        let active = structure.all_targets();
        let (targets, whole) = ([0; Point::COUNT], [0; Point::COUNT]);
        let templates = [(Points::ALL, Points::NONE); TEMPLATES_MAX];
        let mut layout = Self { structure, number, active, targets, templates, whole };
        layout.arrange();
        match place {
            Some(place) => **place = layout,
            None => *place = Some(Box::new(layout)),
        }
    }

    /// What `data` tells of its frame; notes which decode targets go on.
    pub(crate) fn describe(&mut self, data: &[u8]) -> Option<Description> {
        let told = self.structure.describe(data)?;
        if let Some(active) = told.active.map(|active| active & self.structure.all_targets())
            && active != self.active
            && active != 0
        {
            self.active = active;
            self.arrange();
        }
        Some(told)
    }

    /// The points that need a frame, and those up to which one may go with it.
    pub(crate) fn points(&self, told: &Description) -> (Points, Points) {
        let known = self.structure.templates().get(usize::from(told.index));
        match self.templates.get(usize::from(told.index)) {
            Some(&points) if known.is_some_and(|it| it.indications == told.template.indications) => points,
            _ => self.points_of(told.template.indications),
        }
    }

    /// Spatial layers that go on.
    pub(crate) fn spatial_layers(&self) -> u8 {
        self.layers_of(self.target(Point::BEST)).0 + 1
    }

    /// Writes the descriptor `data` to `out` with the decode targets that a subscriber at `point` gets all of; `None` when
    /// that is all there are, or it does not fit.
    pub(crate) fn write_for(&self, point: Point, data: &[u8], out: &mut [u8]) -> Option<usize> {
        let whole = *self.whole.get(point.index())?;
        self.structure.write_active(data, whole, out)
    }

    /// Whether a subscriber at `point` gets less than there is.
    pub(crate) fn is_partial(&self, point: Point) -> bool {
        self.whole.get(point.index()).is_some_and(|&whole| whole != self.active)
    }

    fn target(&self, point: Point) -> u8 {
        self.targets.get(point.index()).copied().unwrap_or(0)
    }

    fn layers_of(&self, target: u8) -> (u8, u8) {
        self.structure.layers_of(target)
    }

    fn arrange(&mut self) {
        let mut layers = [(0, 0); TARGETS_MAX];
        for target in 0..self.structure.targets() {
            layers[usize::from(target)] = self.layers_of(target);
        }
        let going = |target: &u8| self.active >> target & 1 == 1;
        for point in Point::all() {
            let within = |target: &u8| {
                let (spatial, temporal) = layers[usize::from(*target)];
                Points::within(point).has(Point::new(spatial, temporal))
            };
            let targets = (0..self.structure.targets()).filter(going);
            let best = targets.clone().filter(within).max_by_key(|&target| layers[usize::from(target)]);
            // Below the lowest target there is nothing to choose: it is the least that makes a picture.
            let least = || targets.clone().min_by_key(|&target| layers[usize::from(target)]);
            self.targets[point.index()] = best.or_else(least).unwrap_or(0);
        }
        for index in 0..self.structure.templates().len() {
            self.templates[index] = self.points_of(self.structure.templates()[index].indications);
        }
        for point in Point::all() {
            let gets = |target: u8| {
                let mut kinds = self.structure.templates().iter().zip(&self.templates);
                kinds.all(|(kind, (points, _))| kind.indications.of(target) == Indication::Absent || points.has(point))
            };
            let targets = (0..self.structure.targets()).filter(going).filter(|&target| gets(target));
            self.whole[point.index()] = targets.fold(0, |all, target| all | 1 << target);
        }
    }

    fn points_of(&self, indications: Indications) -> (Points, Points) {
        Point::all().fold((Points::NONE, Points::NONE), |(needed, switches), point| {
            let only = Points::only(point);
            match indications.of(self.target(point)) {
                Indication::Absent => (needed, switches),
                Indication::Switch => (needed.or(only), switches.or(only)),
                Indication::Discardable | Indication::Required => (needed.or(only), switches),
            }
        })
    }
}
