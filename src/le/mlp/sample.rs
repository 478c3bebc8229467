//! Examples of documents for tests: everything that the grammar allows, from a seed.

/// A source of choices.
pub(crate) struct Source {
    state: u64,
    names: u32,
}

impl Source {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x9e37_79b9_7f4a_7c15, names: 0 }
    }

    /// SplitMix64.
    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len() as u64) as usize]
    }

    pub(crate) fn opt<T: Sample>(&mut self) -> Option<T> {
        (self.below(2) == 0).then(|| T::sample(self))
    }

    pub(crate) fn list<T: Sample>(&mut self, min: usize, max: usize) -> Vec<T> {
        let most = max.min(min + 2);
        let count = min + self.below((most - min + 1) as u64) as usize;
        (0..count).map(|_| T::sample(self)).collect()
    }

    /// A name that is used once in a document.
    pub(crate) fn unique(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }
}

/// Can make examples of itself.
pub(crate) trait Sample: Sized {
    fn sample(from: &mut Source) -> Self;
}

impl<T: Sample> Sample for Option<T> {
    fn sample(from: &mut Source) -> Self {
        from.opt()
    }
}

impl<T: Sample> Sample for Box<T> {
    fn sample(from: &mut Source) -> Self {
        Self::new(T::sample(from))
    }
}

impl Sample for String {
    fn sample(from: &mut Source) -> Self {
        let texts = ["a", "7", "Grüße & <more> \"quotes\"", "two words", "line\nbreak", "日本", "x'y", "]]>"];
        (*from.pick(&texts)).to_owned()
    }
}

impl Sample for u32 {
    fn sample(from: &mut Source) -> Self {
        *from.pick(&[0, 1, 59, 3600, 99_999, Self::MAX])
    }
}

impl Sample for f64 {
    fn sample(from: &mut Source) -> Self {
        *from.pick(&[0.0, 1.0, 50.0, 12.5, 1_234_567.0, 0.001])
    }
}

macro_rules! sample_field {
    (attr $from:ident $min:expr, $max:expr) => {
        $crate::le::mlp::sample::Sample::sample($from)
    };
    (attr_opt $from:ident $min:expr, $max:expr) => {
        $from.opt()
    };
    (attr_req $from:ident $min:expr, $max:expr) => {
        $crate::le::mlp::sample::Sample::sample($from)
    };
    (text $from:ident $min:expr, $max:expr) => {
        $crate::le::mlp::sample::Sample::sample($from)
    };
    (one $from:ident $min:expr, $max:expr) => {
        $crate::le::mlp::sample::Sample::sample($from)
    };
    (opt $from:ident $min:expr, $max:expr) => {
        $from.opt()
    };
    (many $from:ident $min:expr, $max:expr) => {
        $from.list($min, $max)
    };
    (flag $from:ident $min:expr, $max:expr) => {
        $from.below(2) == 0
    };
    (choice $from:ident $min:expr, $max:expr) => {
        $crate::le::mlp::sample::Sample::sample($from)
    };
    (choice_opt $from:ident $min:expr, $max:expr) => {
        $from.opt()
    };
    (choices $from:ident $min:expr, $max:expr) => {
        $from.list($min, $max)
    };
    (group $from:ident $min:expr, $max:expr) => {
        $crate::le::mlp::sample::Sample::sample($from)
    };
    (group_opt $from:ident $min:expr, $max:expr) => {
        $from.opt()
    };
}
pub(crate) use sample_field;
