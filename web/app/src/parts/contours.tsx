// Lines of equal depth, as on a river's chart: the page's one ornament.

const LINES = [
  'M-20 60C120 20 180 130 320 110S560 10 700 60s160 120 320 90',
  'M-20 110c140-30 190 70 330 60s240-90 390-50 170 110 320 90',
  'M-20 165c150-20 200 40 340 30s230-60 380-25 180 90 320 80',
  'M-20 225c160-10 210 20 350 15s230-35 370-10 190 75 320 70',
  'M-20 290c160 10 220 0 360 0s220-10 360 10 200 60 320 60',
  'M-20 350c160 30 230-20 370-15s210 20 350 30 200 45 320 45',
];

export function Contours() {
  return (
    <svg className="contours" viewBox="0 0 1000 400" preserveAspectRatio="none" aria-hidden="true">
      {LINES.map((line, index) => (
        <path key={line} d={line} className={index === 3 ? 'deepest' : undefined} vectorEffect="non-scaling-stroke" />
      ))}
    </svg>
  );
}
