"""Rodas5P: a stiffly accurate Rosenbrock-Wanner method of order 5 with an embedded order 4 and dense output of order 4.

Source: G. Steinebach, "Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
Differential Equations package", BIT Numerical Mathematics 63:27 (2023), doi:10.1007/s10543-023-00967-x. The numbers
are those of the transformed form (no product with the Jacobian), as published with the method's implementation;
`tests/engine/test_rodas.py` checks them against the order conditions.

For an autonomous system y' = f(y) with Jacobian J, step h and stages u_1 .. u_8:

    (I/(h*GAMMA) - J) u_i = f(y + sum_j A[i][j] u_j) + (1/h) sum_j C[i][j] u_j
    y_new = y + sum_j A[7][j] u_j + u_8,    error estimate = u_8
    y(t + x*h) = (1-x) y + x (y_new + (1-x) (d_1 + x (d_2 + x d_3))),    d_k = sum_j DENSE[k][j] u_j

Rows 6 to 8 of A are row 6 with ones appended (stiff accuracy), so a stage's argument is the one before plus u.
"""

from __future__ import annotations

STAGES = 8
#: Order of the embedded error estimate plus one: the error of a step grows with h to this power.
ERROR_ORDER = 5
GAMMA = 0.21193756319429014

_SIXTH = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946)
A: tuple[tuple[float, ...], ...] = (
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    _SIXTH,
    (*_SIXTH, 1.0),
    (*_SIXTH, 1.0, 1.0),
)
C: tuple[tuple[float, ...], ...] = (
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ),
)
DENSE: tuple[tuple[float, ...], ...] = (
    (
        25.948786856663858,
        -2.5579724845846235,
        10.433815404888879,
        -2.3679251022685204,
        0.524948541321073,
        1.1241088310450404,
        0.4272876194431874,
        -0.17202221070155493,
    ),
    (
        -9.91568850695171,
        -0.9689944594115154,
        3.0438037242978453,
        -24.495224566215796,
        20.176138334709044,
        15.98066361424651,
        -6.789040303419874,
        -6.710236069923372,
    ),
    (
        11.419903575922262,
        2.8879645146136994,
        72.92137995996029,
        80.12511834622643,
        -52.072871366152654,
        -59.78993625266729,
        -0.15582684282751913,
        4.883087185713722,
    ),
)
