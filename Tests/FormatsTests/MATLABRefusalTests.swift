import SourceImaging
import TestSupport
import Testing

@testable import Formats

@Suite(
    "MATLAB 7.3 files that cannot be used",
    .enabled(if: PythonEnvironment.isPresent, Comment(rawValue: PythonEnvironment.absence)))
struct MATLABRefusalTests {
    private func check(_ mistake: MATLABCase, _ sample: String) throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run(sample + mistake.script, in: folder.path)
        let options = ReadingOptions(channels: folder.file("channel.mat"))
        let error = #expect(throws: InputError.self) {
            let file = try FileFormats.open(folder.file("bad.mat"))
            if file.contents.contains(.forward) {
                _ = try file.forward(options)
            } else {
                _ = try file.recording(options)
            }
        }
        let text = error?.text { "--\($0.rawValue)" } ?? ""
        for piece in mistake.says { #expect(text.contains(piece), "\(text)") }
        #expect(!text.contains("\n"))
    }

    @Test("FieldTrip: one line that says what to add", arguments: MATLABCase.inFieldTrip)
    func fieldTrip(mistake: MATLABCase) throws {
        try check(mistake, MATLABSamples.fieldTripData + MATLABSamples.fieldTripForward + MATLABCase.again)
    }

    @Test("Brainstorm and EEGLAB: one line that says what is wrong", arguments: MATLABCase.elsewhere)
    func others(mistake: MATLABCase) throws {
        try check(mistake, MATLABSamples.brainstorm + MATLABSamples.eeglab + MATLABCase.brainstormTime)
    }

    @Test("Older MATLAB files are told how to be saved again")
    func versionFive() throws {
        let folder = try TemporaryFolder()
        try PythonEnvironment.run(
            "import scipy.io, numpy as np; scipy.io.savemat('old.mat', {'F': np.eye(3)})", in: folder.path)
        let error = #expect(throws: InputError.self) { try FileFormats.open(folder.file("old.mat")) }
        #expect("\(try #require(error))".contains("save it in MATLAB with the option '-v7.3'"))
    }
}

extension MATLABCase {
    /// What later parts of the samples overwrite of earlier ones.
    static let again = "time = -0.02 + np.arange(11) / 250\n"
    static let brainstormTime = "time = -0.1 + np.arange(31) / 600\n"

    static let inFieldTrip: [MATLABCase] = [
        MATLABCase(
            "no units of channels",
            """
            del timelock["grad"], timelock["elec"], timelock["hdr"]
            save("bad.mat", {"erf": timelock})
            """, "bad.mat: erf: no unit for channel 'MEG 0112' and others", "'chanunit'", "erf.chanunit = repmat"),
        MATLABCase(
            "an unknown unit", "save('bad.mat', {'erf': dict(timelock, chanunit=['furlong'] * 6)})",
            "erf.chanunit: 'furlong' for channel 'MEG 0112'", "expected T, fT, T/m"),
        MATLABCase(
            "planar gradiometers in T",
            "save('bad.mat', {'erf': dict(timelock, chanunit=['T'] * 6, chantype=['megplanar'] * 6)})",
            "'T' for channel 'MEG 0112' of type 'megplanar'", "expected T/m"),
        MATLABCase(
            "degrees of freedom of other channels", "save('bad.mat', {'erf': dict(timelock, dof=np.ones((5, 11)))})",
            "erf.dof: 5 × 11; expected 6 × 11, channels × samples"),
        MATLABCase(
            "frequencies instead of samples", "save('bad.mat', {'erf': dict(timelock, dimord='chan_freq')})",
            "erf.dimord: 'chan_freq'", "'chan_time'"),
        MATLABCase(
            "uneven times", "time[5] += 0.001; save('bad.mat', {'erf': dict(timelock, time=time[None])})",
            "erf.time: uneven steps at sample 5"),
        MATLABCase(
            "raw trials", "save('bad.mat', {'raw': dict(timelock, trial=Row([avg, avg]))})",
            "raw: raw data (a cell array of trials)", "ft_timelockanalysis"),
        MATLABCase(
            "raw trials, as FieldTrip has them",
            "save('bad.mat', {'data': dict(label=labels, trial=[avg, avg], time=[time, time], fsample=250.0)})",
            "data: raw data (a cell array of trials)", "ft_timelockanalysis (cfg.keeptrials"),
        MATLABCase(
            "a spectrum",
            "save('bad.mat', {'freq': dict(label=labels, powspctrm=avg, freq=np.arange(11.0), dimord='chan_freq')})",
            "freq: a spectrum (ft_freqanalysis)", "ft_timelockanalysis"),
        MATLABCase(
            "Fourier coefficients",
            "save('bad.mat', {'f': dict(label=labels, fourierspctrm=avg, freq=np.arange(11.0), time=time[None])})",
            "f: a spectrum (ft_freqanalysis)", "ft_timelockanalysis"),
        MATLABCase(
            "a source estimate", "save('bad.mat', {'source': dict(pos=pos, inside=inside, avg={'pow': np.ones(6)})})",
            "source: a source estimate (ft_sourceanalysis)", "ft_prepare_leadfield"),
        MATLABCase(
            "a source model", "save('bad.mat', {'grid': dict(pos=pos, inside=inside, unit='cm')})",
            "grid: a source model without lead fields", "ft_prepare_leadfield"),
        MATLABCase(
            "components",
            "save('bad.mat', {'comp': dict(timelock, topo=np.eye(6), topolabel=labels, unmixing=np.eye(6))})",
            "comp: independent components (ft_componentanalysis)", "ft_rejectcomponent"),
        MATLABCase(
            "complex numbers",
            "save('bad.mat', {'erf': dict(timelock, avg=0)}); import h5py\nwith h5py.File('bad.mat', 'r+') as f:\n    del f['erf/avg']; f['erf/avg'] = np.zeros((11, 6), [('real', 'f8'), ('imag', 'f8')])",
            "erf.avg: complex numbers", "real(…)"),
        MATLABCase(
            "a sparse matrix",
            "save('bad.mat', {'erf': timelock}); import h5py\nwith h5py.File('bad.mat', 'r+') as f:\n    del f['erf/avg']; g = f.create_group('erf/avg'); g.attrs['MATLAB_sparse'] = np.uint64(6)",
            "erf.avg: a sparse matrix", "full(…)"),
        MATLABCase(
            "two conditions", "save('bad.mat', {'standard': timelock, 'deviant': timelock})",
            "2 conditions: 0 'deviant', 1 'standard'", "--condition"),
        MATLABCase(
            "no unit of lead fields", "del grid['dipoleunit']; save('bad.mat', {'lf': grid})",
            "lf: no unit of the lead fields", "'dipoleunit'", "ft_convert_units"),
        MATLABCase(
            "no unit of positions", "del grid['unit']; save('bad.mat', {'lf': grid})",
            "lf.unit: no unit of the positions", "set lf.unit"),
        MATLABCase(
            "no coordinate system", "del grid['coordsys']; save('bad.mat', {'lf': grid})",
            "lf.coordsys: no coordinate system", "'neuromag', 'ctf'"),
        MATLABCase(
            "a lead field missing inside",
            "cells[0] = np.zeros((0, 0)); save('bad.mat', {'lf': dict(grid, leadfield=cells)})",
            "lf.leadfield: an empty cell at position 1, which is inside"),
        MATLABCase(
            "two columns a position", "save('bad.mat', {'lf': dict(grid, leadfield=[c[:, :2] for c in cells])})",
            "lf.leadfield: 2 columns a position", "cfg.backproject"),
        MATLABCase(
            "one cell for all positions",
            "save('bad.mat', {'lf': grid}); import h5py\nwith h5py.File('bad.mat', 'r+') as f:\n    r = f['lf/leadfield']; r[3] = r[0]",
            "lf.leadfield: the cell at position 4 is that of another position"),
        MATLABCase(
            "normalized lead fields", "save('bad.mat', {'lf': dict(grid, cfg={'normalize': 'yes'})})",
            "normalized lead fields", "--depth"),
    ]

    static let elsewhere: [MATLABCase] = [
        MATLABCase(
            "a linked raw file", "save('bad.mat', {'F': {'filename': 'a.ds'}, 'Time': time[None], 'nAvg': 1.0})",
            "F: a link to a raw file", "import the epochs"),
        MATLABCase(
            "another study's channels", "save('bad.mat', {'F': F[:5], 'Time': time[None], 'nAvg': 1.0})",
            "F: 5 rows; expected 6, a channel each of", "channel file of the same study"),
        MATLABCase(
            "positions in millimetres", "save('bad.mat', {'Gain': gain, 'GridLoc': loc * 1000})", "positions in metres"),
        MATLABCase(
            "continuous data", "save('bad.mat', {'EEG': dict(eeg, trials=1.0, xmin=0.0, data=data[:, :, 0])})",
            "EEG.trials: 1 that begins at time 0: continuous data", "pop_epoch", "EEG.etc.averages"),
        MATLABCase(
            "a lost data file", "save('bad.mat', {'EEG': dict(eeg, data='lost.fdt')})", "lost.fdt: no such file",
            "beside the .set"),
        MATLABCase(
            "a data file of another size", "save('bad.mat', {'EEG': dict(eeg, data='flat.fdt', pnts=51.0)})",
            "flat.fdt: another size than 4 × 51 × 7"),
        MATLABCase(
            "a data file elsewhere", "save('bad.mat', {'EEG': dict(eeg, data='/etc/passwd')})",
            "'passwd'; expected numbers"),
        MATLABCase(
            "MEG in EEGLAB",
            "chanlocs[0] = dict(chanlocs[0], type='MEG'); save('bad.mat', {'EEG': dict(eeg, chanlocs=chanlocs)})",
            "channel 'Fz' of type 'MEG', whose unit the file does not say"),
    ]
}
