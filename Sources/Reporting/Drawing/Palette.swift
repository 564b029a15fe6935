/// Colours that stay apart for colour-blind readers and in print (after Okabe & Ito 2008; their yellow, too pale for a
/// line on white, gives way to a wine red).
enum Palette {
    /// Text and axes.
    static let ink = "#222222"
    /// Secondary text.
    static let quiet = "#5a5a5a"
    /// Grid lines.
    static let grid = "#e8e8e8"
    /// Measured data, and whatever is shown only for comparison.
    static let measured = "#9a9a9a"
    /// What the model explains.
    static let explained = "#0072b2"
    /// A range behind a curve.
    static let shade = "#fdf0dc"
    /// What it leaves.
    static let residual = "#d55e00"
    /// Text of a warning.
    static let alarm = "#b03a00"
    /// Inside of the brain's outline.
    static let brain = "#f1f1f1"
    /// The brain's outline.
    static let outline = "#b5b5b5"
    /// Texture inside the brain.
    static let texture = "#d9d9d9"

    /// Colours of the strongest sources, in order of rank.
    static let sources = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#444444",
    ]

    /// Colour of the sources below those in ``sources``.
    static let weak = "#767676"

    /// Colour of a source by its place in the estimate, from 0.
    static func source(_ place: Int) -> String {
        sources.indices.contains(place) ? sources[place] : weak
    }

    /// Dashes of a source's line: the second half of the colours is dashed, so that a line can be told without colour.
    static func dash(_ place: Int) -> [Double] {
        place < sources.count / 2 ? [] : [5, 2.5]
    }

    /// Black or white, whichever can be read on a colour `#rrggbb` (relative luminance of WCAG 2).
    static func text(on colour: String) -> String {
        guard let value = UInt32(colour.dropFirst(), radix: 16) else { return ink }
        func linear(_ shift: UInt32) -> Double {
            let level = Double((value >> shift) & 0xff) / 255
            // 2.2 for the piecewise curve of sRGB, by two square roots and a square: close enough for black or white.
            return level * level * level.squareRoot().squareRoot()
        }
        let luminance = 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
        return luminance > 0.28 ? ink : "#ffffff"
    }
}
