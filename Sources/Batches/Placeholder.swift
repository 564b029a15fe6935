import Foci
