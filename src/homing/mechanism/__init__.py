"""The contract of a mechanism: what a Module declares and how Modules are assembled into a System."""

from homing.mechanism.arithmetic import at_least as at_least
from homing.mechanism.arithmetic import at_most as at_most
from homing.mechanism.arithmetic import choose as choose
from homing.mechanism.assemble import assemble as assemble
from homing.mechanism.composition import Composition as Composition
from homing.mechanism.composition import compose as compose
from homing.mechanism.equations import EquationSystem as EquationSystem
from homing.mechanism.module import Module as Module
from homing.mechanism.module import Parameter as Parameter
from homing.mechanism.module import Reads as Reads
from homing.mechanism.module import State as State
from homing.mechanism.module import emits as emits
from homing.mechanism.system import System as System
from homing.mechanism.trigger import Trigger as Trigger
