"""The engine: a System, patients and their events become trajectories."""

from homing.engine.readouts import Readouts as Readouts
from homing.engine.run import CompiledSystem as CompiledSystem
from homing.engine.run import compile_system as compile_system
from homing.engine.trajectories import Status as Status
from homing.engine.trajectories import Trajectories as Trajectories
