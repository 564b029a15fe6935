/// One entry of a FIF file: what it is, of which type, and where its data are.
struct FIFTag: Sendable {
    let kind: Int32
    let type: Int32
    /// Offset of the data, behind the header.
    let offset: Int
    /// Bytes of data.
    let size: Int

    /// Bytes of a header: kind, type, size and next, 32 bits each.
    static let headerSize = 16
}

/// Kinds of tags, public constants of the format.
enum FIFKind {
    static let blockStart: Int32 = 104
    static let blockEnd: Int32 = 105
    static let referenceRole: Int32 = 115
    static let channelCount: Int32 = 200
    static let samplingFrequency: Int32 = 201
    static let channelInfo: Int32 = 203
    static let comment: Int32 = 206
    static let averages: Int32 = 207
    static let firstSample: Int32 = 208
    static let lastSample: Int32 = 209
    static let aspectKind: Int32 = 210
    static let coordinateTransform: Int32 = 222
    static let sampleCount: Int32 = 228
    static let firstTime: Int32 = 229
    static let channelKind: Int32 = 252
    static let channelRange: Int32 = 253
    static let channelCalibration: Int32 = 254
    static let channelLocation: Int32 = 255
    static let channelUnit: Int32 = 256
    static let channelUnitMultiplier: Int32 = 257
    static let channelLongName: Int32 = 258
    static let insideOrder: Int32 = 266
    static let components: Int32 = 269
    static let freeComponents: Int32 = 278
    static let dataBuffer: Int32 = 300
    static let dataSkip: Int32 = 301
    static let epoch: Int32 = 302
    static let channelCoilType: Int32 = 350
    static let subjectID: Int32 = 410
    static let projectionVectorCount: Int32 = 3414
    static let projectionVectors: Int32 = 3415
    static let projectionChannels: Int32 = 3417
    static let columnNames: Int32 = 3503
    static let coordinateFrame: Int32 = 3506
    static let rowNames: Int32 = 3502
    static let channelNames: Int32 = 3507
    static let sourcePoints: Int32 = 3510
    static let sourceNormals: Int32 = 3511
    static let sourcePointCount: Int32 = 3512
    static let sourceSelection: Int32 = 3513
    static let sourceUsedCount: Int32 = 3514
    static let sourceNearest: Int32 = 3515
    static let sourceSpaceID: Int32 = 3517
    static let sourceSpaceType: Int32 = 3518
    static let forwardSolution: Int32 = 3520
    static let sourceOrientation: Int32 = 3521
    static let includedMethods: Int32 = 3522
    static let covarianceKind: Int32 = 3530
    static let covarianceDimension: Int32 = 3531
    static let covariance: Int32 = 3532
    static let covarianceDiagonal: Int32 = 3533
    static let covarianceFreedom: Int32 = 3536
    static let projectionActive: Int32 = 3560
    static let eventList: Int32 = 3561
    static let annotationStarts: Int32 = 3568
    static let annotationEnds: Int32 = 3569
    static let sourceTriangles: Int32 = 3591
    static let sourceUsedTriangles: Int32 = 3593
}

/// Kinds of blocks, public constants of the format.
enum FIFBlockKind {
    static let measurementInfo: Int32 = 101
    static let rawData: Int32 = 102
    static let evoked: Int32 = 104
    static let aspect: Int32 = 105
    static let subject: Int32 = 106
    static let continuousData: Int32 = 112
    static let channelInfo: Int32 = 113
    static let reference: Int32 = 118
    static let shieldedRawData: Int32 = 119
    static let shieldedAspect: Int32 = 120
    static let projections: Int32 = 313
    static let projection: Int32 = 314
    static let sourceSpace: Int32 = 351
    static let forward: Int32 = 352
    static let parentMRI: Int32 = 353
    static let parentMeasurement: Int32 = 354
    static let covariance: Int32 = 355
    static let namedMatrix: Int32 = 357
    static let badChannels: Int32 = 359
    static let events: Int32 = 361
    static let epochs: Int32 = 373
    static let maxwellExpansion: Int32 = 502
    static let processingHistory: Int32 = 900
    static let processingRecord: Int32 = 901
    static let annotations: Int32 = 3810
}
