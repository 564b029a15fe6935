import TestSupport

extension MATLABSamples {
    /// Data of two magnetometers, four planar gradiometers and three electrodes in SI units (`si.h5`, `si-cov.h5`), and
    /// `structure`, which makes FieldTrip's structure of them in other units.
    static let fieldTripUnits =
        beginning + """
            names = ["M1", "M2", "G1", "G2", "G3", "G4", "E1", "E2", "E3"]
            types = ["megmag"] * 2 + ["megplanar"] * 4 + ["eeg"] * 3
            kinds = ["mag"] * 2 + ["grad"] * 4 + ["eeg"] * 3
            scale = np.array([1e-13] * 2 + [3e-12] * 4 + [2e-6] * 3)
            time = -0.1 + np.arange(40) / 200
            si = scale[:, None] * rng.standard_normal((9, 40))
            root = rng.standard_normal((9, 40)); si_cov = root @ root.T / 40 * np.outer(scale, scale) * 4
            factor = {"T": 1, "fT": 1e-15, "T/m": 1, "T/cm": 100, "T/mm": 1000, "fT/cm": 1e-13, "V": 1, "uV": 1e-6, "mV": 1e-3}

            def structure(mag="T", grad="T/m", eeg="V", rows=range(9), **more):
                # Numbers in these units, of some of the channels, which the structure does not state.
                rows = list(rows)
                stored = np.array([factor[u] for u in [mag] * 2 + [grad] * 4 + [eeg] * 3])[rows]
                native.recording("si.h5", si[rows], [names[i] for i in rows], [kinds[i] for i in rows], 200.0, -0.1, 60, "erf")
                native.covariance("si-cov.h5", si_cov[np.ix_(rows, rows)], [names[i] for i in rows], [kinds[i] for i in rows])
                return dict(avg=si[rows] / stored[:, None], dof=60.0, time=time[None], label=[names[i] for i in rows],
                            dimord="chan_time", cov=si_cov[np.ix_(rows, rows)] / np.outer(stored, stored), **more)

            def array(planar="T/cm", unit="cm", **more):
                return {"label": names[:6], "chantype": types[:6], "chanunit": ["T"] * 2 + [planar] * 4, "unit": unit, **more}

            def elec(unit="V"):
                return {"label": names[6:], "chanunit": [unit] * 3, "unit": "cm"}

            def hdr(units):
                return {"label": names + ["STI"], "chantype": types + ["stimulus"], "chanunit": units + ["unknown"]}

            """

    /// Twelve trials of two electrodes in µV; `trialed` makes FieldTrip's structure of them.
    static let fieldTripTrials =
        beginning + """
            time = -0.1 + np.arange(40) / 200
            trials = rng.standard_normal((12, 2, 40))

            def trialed(**more):
                return dict(trial=trials, time=time[None], label=["E1", "E2"], chanunit=["uV", "uV"], dimord="rpt_chan_time", **more)

            """

    /// Ten epochs of two electrodes in µV; `dataset` makes EEGLAB's structure of them.
    static let eeglabEvents =
        beginning + """
            data = rng.standard_normal((2, 50, 10)).astype("f4")

            def dataset(**more):
                return {"EEG": dict({"setname": "oddball", "nbchan": 2.0, "pnts": 50.0, "trials": 10.0, "srate": 100.0, "xmin": -0.2,
                    "data": data, "chanlocs": StructArray([{"labels": n} for n in ("Fz", "Cz")])}, **more)}

            def epochs(types, latencies=None):
                return StructArray([{"event": 1.0, "eventtype": t, "eventlatency": 0.0 if latencies is None else latencies[k]}
                                    for k, t in enumerate(types)])

            def events(rows):
                # Type, number of the epoch from 1, and time from the event in samples.
                return StructArray([{"type": t, "epoch": float(e), "latency": (e - 1) * 50 + 21.0 + late} for t, e, late in rows])

            """

    /// Files of the kinds above, to be damaged.
    static let fieldTripAndEvents =
        fieldTripUnits + """
            save("header.mat", {"erf": dict(structure(), hdr=hdr(["T"] * 2 + ["T/m"] * 4 + ["V"] * 3), elec=elec(),
                 grad=array(balance={"current": "G3BR"}), dof=60 - np.tile(np.arange(40) // 20, (9, 1)))})
            save("sizes.mat", {"erf": dict(structure(eeg="uV"), grad=array(balance={"current": ["G3BR", "comp"]}), elec=elec())})

            """ + fieldTripTrials + """
            save("trialinfo.mat", {"data": trialed(trialinfo=np.stack([np.arange(12) % 3, np.arange(12)], 1), cov=np.eye(2))})
            save("reactions.mat", {"data": trialed(trialinfo=rng.uniform(0.2, 0.8, (12, 1)))})

            """ + eeglabEvents + """
            several = [["S  1", "resp"], "S  2", ["resp", 3.0], "S  1", "S  2"] * 2
            late = [[0.0, 250.0], 0.0, [-300.0, 0.0], 0.0, 0.0] * 2
            save("epoch.set", dataset(epoch=epochs(several, late)))
            save("event.set", dataset(event=events([(7.0, e, 0) for e in range(1, 6)] + [("x/y", e, 1) for e in range(4, 11)])))

            """
}
