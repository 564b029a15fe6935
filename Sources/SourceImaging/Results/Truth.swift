/// Sources that are known, because the recording was simulated: what an estimate is compared with.
public struct Truth: Sendable, Equatable {
    /// One known source.
    public struct Source: Sendable, Equatable {
        /// Position of the source in the forward model, from 0; −1 when it lies off the grid.
        public let index: Int
        /// Where it is, m.
        public let position: SIMD3<Double>
        /// Unit vector of the dipole.
        public let direction: SIMD3<Double>
        /// Dipole amplitude at each of the truth's times, A·m.
        public let waveform: [Double]

        /// A source; ``Comparison`` checks that its waveform has a value a time and that all is finite.
        public init(index: Int, position: SIMD3<Double>, direction: SIMD3<Double>, waveform: [Double]) {
            self.index = index
            self.position = position
            self.direction = direction
            self.waveform = waveform
        }
    }

    /// The known sources.
    public let sources: [Source]
    /// Times of the waveforms, s.
    public let times: [Double]
    /// Frame of positions and directions.
    public let frame: CoordinateFrame
    /// How the recording was simulated.
    public let settings: [Setting]

    /// Known sources; ``Comparison`` checks that times ascend and waveforms have a value each.
    public init(sources: [Source], times: [Double], frame: CoordinateFrame, settings: [Setting]) {
        self.sources = sources
        self.times = times
        self.frame = frame
        self.settings = settings
    }
}
