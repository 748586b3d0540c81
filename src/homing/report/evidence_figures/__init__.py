"""Pictures of a meta-analysis as files: forest, funnel, Baujat, L'Abbé, bubbles, time course, network, evidence map."""
