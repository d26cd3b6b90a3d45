"""What every stage rests on: recipe, stage, manifest, engine, tables, progress, errors."""
